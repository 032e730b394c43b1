import os
import stat
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cli.conftest import Weft
from weft.cli.failure import Failure
from weft.cli.up import all_published, published, show_tail
from weft.identity.machines import Grant, MachineToken
from weft.resources.expand import expand_text
from weft.resources.load import load_text
from weft.run.loopback import Target

FILE = "namespace: shop\nservices: {web: {run: x, ports: [80, 90]}, job: {run: y, calls: [web]}}"


def test_print_shows_what_the_file_means(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text(FILE)
    done = weft("up", "-f", str(tmp_path / "weft.yaml"), "--print")
    assert done.status == 0
    printed = load_text(done.out)
    assert printed.ok
    assert [str(resource.ref) for resource in printed.resources] == [
        "Service/shop/web",
        "AccessPolicy/shop/web-callers",
    ]


def test_print_shows_what_is_published_and_what_lets_the_edge_in(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text(FILE.replace("[80, 90]", "[80, 90], publish: 8080"))
    done = weft("up", "-f", str(tmp_path / "weft.yaml"), "-p", "web:90=8081", "--print")
    assert done.lines[:2] == ["# web:80 at http://127.0.0.1:8080", "# web:90 at http://127.0.0.1:8081"]
    assert [str(resource.ref) for resource in load_text(done.out).resources] == [
        "Service/shop/web",
        "AccessPolicy/shop/web-callers",
        "AccessPolicy/shop/web-edge",
    ]


def test_print_shows_who_starts_after_whom(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text(FILE.replace("run: y", "run: y, depends_on: {web: service_started}"))
    done = weft("up", "-f", str(tmp_path / "weft.yaml"), "--print")
    assert done.lines[0] == "# job-0 starts once web-0 was started"


def test_print_shows_what_runs_on_other_machines(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text(FILE.replace("run: x", "run: x, machine: b, replicas: 2"))
    done = weft("up", "-f", str(tmp_path / "weft.yaml"), "--print")
    assert done.lines[0] == "# on machine b: web-0, web-1"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--join", "x", "--listen", "192.0.2.1"), "--join and --listen say different things"),
        (("--listen", "192.0.2.1", "--controller", "http://x"), "--listen and --controller say different things"),
        (("--listen", "192.0.2.1", "--grpc-address", "[::1]:1"), "--listen and --grpc-address say different things"),
        (("--join", "x", "--publish", "web=1"), "--publish is for the machine of the controller"),
    ],
)
def test_options_that_do_not_go_together(weft: Weft, words: tuple[str, ...], says: str) -> None:
    done = weft("up", *words)
    assert (done.status, done.err.splitlines()[0]) == (2, f"error: {says}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--join", "nowhere"), "error: nowhere cannot be read: no such file or directory"),
        (("--listen", "mesh"), "error: --listen: 'mesh' is not the IP address of a machine"),
        (("--bind", "here"), "error: --bind 'here' is not an IP address"),
    ],
)
def test_what_cannot_be_joined_starts_nothing(
    weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "weft.yaml").write_text(FILE)
    done = weft("up", "-f", str(tmp_path / "weft.yaml"), *words)
    assert (done.status, done.err.splitlines()[0]) == (1, says)
    assert "\nhint: " in done.err and not (tmp_path / "state").exists()


def test_a_token_does_not_stay_in_the_command_line(
    weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[list[str]] = []

    def execv(path: str, words: list[str]) -> NoReturn:
        began.append(words)
        raise SystemExit

    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "weft.yaml").write_text(FILE.replace("run: y", "run: y, machine: b"))
    token = MachineToken("1", "s", "127.53.9.1:9", "", "ab", "t", "b", (Grant("shop", "job"),), 0, 9).encode()
    for join in (["--join", token], [f"--join={token}"]):
        words = ["up", "-f", str(tmp_path / "weft.yaml"), *join]
        monkeypatch.setattr(sys, "orig_argv", ["python3", "/usr/bin/weft", *words])
        monkeypatch.setattr(os, "execv", execv)
        with pytest.raises(SystemExit):
            weft(*words)
    [file] = (tmp_path / "state/joined").glob("*/token.new")
    assert file.read_text().strip() == token and stat.S_IMODE(file.stat().st_mode) == 0o600
    common = [sys.executable, "/usr/bin/weft", "up", "-f", str(tmp_path / "weft.yaml")]
    assert began == [[*common, "--join", str(file)], [*common, f"--join={file}"]]


def test_a_mesh_of_ones_own_has_nothing_to_keep(weft: Weft) -> None:
    done = weft("up", "--keep")
    assert (done.status, done.err.splitlines()[0]) == (2, "error: --keep needs --controller")


@pytest.mark.parametrize("option", ["--rest-address", "--grpc-address"])
def test_an_address_that_is_none_starts_nothing(weft: Weft, option: str) -> None:
    done = weft("up", option, "nonsense")
    assert (done.status, done.err.splitlines()[0]) == (2, f"error: {option} 'nonsense' is not host:port")


@pytest.mark.parametrize("option", ["--rest-address", "--grpc-address"])
def test_a_port_that_the_system_chooses_would_be_found_by_nobody(weft: Weft, option: str) -> None:
    done = weft("up", option, "127.0.0.1:0")
    assert (done.status, done.err.splitlines()[0]) == (2, f"error: {option} 127.0.0.1:0 names no port")


@pytest.mark.parametrize("service", ["{run: x, replicas: 0}", "{port: 80, endpoints: [{address: 192.0.2.1}]}"])
def test_where_nothing_runs_nothing_starts(weft: Weft, tmp_path: Path, service: str) -> None:
    (tmp_path / "weft.yaml").write_text(f"services: {{a: {service}}}")
    done = weft("up", "-f", str(tmp_path / "weft.yaml"))
    assert done.status == 1 and f"error: nothing in {tmp_path}/weft.yaml runs or is published" in done.err


def test_no_file_is_wrong_usage(weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = weft("up")
    assert (done.status, done.err.splitlines()[0]) == (2, "error: there is no weft.yaml here")


def test_a_wrong_file_starts_nothing(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text("services: {web: {rnu: x, port: 80}}")
    done = weft("up", "-f", str(tmp_path / "weft.yaml"))
    assert done.status == 1
    assert "weft.yaml:1:" in done.err


@pytest.mark.parametrize(
    ("text", "address", "port"), [("web=8080", "127.0.0.1:8080", 80), ("web:90=8081", "127.0.0.1:8081", 90)]
)
def test_a_service_is_published_at_a_local_port(text: str, address: str, port: int) -> None:
    assert published(text, expand_text(FILE)) == (address, Target("shop/web", port))


def test_a_local_port_leads_to_one_service() -> None:
    expanded = expand_text(FILE)
    assert list(all_published(["web=8080", "web:90=8081"], expanded)) == ["127.0.0.1:8080", "127.0.0.1:8081"]
    with pytest.raises(Failure, match="127.0.0.1:8080 twice"):
        all_published(["web=8080", "web:90=8080"], expanded)


def test_the_file_and_the_options_publish_together() -> None:
    expanded = expand_text(FILE.replace("[80, 90]", "[80, 90], publish: 8080"))
    assert all_published(["web:90=8081"], expanded) == {
        "127.0.0.1:8080": Target("shop/web", 80),
        "127.0.0.1:8081": Target("shop/web", 90),
    }
    assert list(all_published(["web=8080"], expanded)) == ["127.0.0.1:8080"]  # says the same
    with pytest.raises(Failure, match="127.0.0.1:8080 twice"):
        all_published(["web:90=8080"], expanded)


@pytest.mark.parametrize("text", ["web", "web=x", "web:x=1", "job=1", "web:91=1", "nobody=1", "web=0", "web=65536"])
def test_what_cannot_be_published(text: str) -> None:
    with pytest.raises(Failure):
        published(text, expand_text(FILE))


def test_last_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show_tail(("one", "two"))
    assert capsys.readouterr().err == "\nlast lines:\n  one\n  two\n\n"
    show_tail(())
    assert capsys.readouterr().err == ""
