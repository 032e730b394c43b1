import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli.failure import Failure
from weft.cli.run import called, default_name, pair, port_pair

SERVICES = [
    {"name": "default/reviews", "namespace": "default", "ports": [{"port": 80}]},
    {"name": "default/ratings", "namespace": "default", "ports": [{"port": 80}]},
]


@pytest.fixture
def binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "proxy"
    path.write_text('#!/bin/sh\necho "$$ $1 $2"; cat "$3"; exit 7\n')
    path.chmod(0o755)
    monkeypatch.setenv("WEFT_PROXY", str(path))
    return path


@pytest.fixture(autouse=True)
def local(controller: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    controller.answers["/v1/services"] = {"services": SERVICES}
    controller.answers["/v1/health"] = {"status": "ok", "unix_socket": str(tmp_path)}
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path / "state"))


def test_the_launch_can_be_seen_without_starting_anything(weft: Weft, binary: Path, tmp_path: Path) -> None:
    done = weft("run", "--service", "reviews", "--version", "v2", "--label", "a=b", "--print", "python", "app.py", "-x")
    assert done.status == 0, done.err
    launch = json.loads(done.out)
    assert launch["workload"]["service"] == "default/reviews"
    assert launch["workload"]["labels"] == {"a": "b"}
    assert launch["app"]["command"] == ["python", "app.py", "-x"]
    assert [listener.get("frontend") for listener in launch["outbound"]] == ["default/ratings:80", None]
    assert launch["controller"] == {"address": f"unix:{tmp_path}"}
    assert not (tmp_path / "state").exists()


def test_the_process_becomes_the_supervisor(binary: Path) -> None:
    command = [sys.executable, "-m", "weft.cli", "run", "--name", "one", "--", "python", "app.py", "--flag"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ.copy())
    out, _ = running.communicate()
    first, _, launch = out.partition("\n")
    assert first == f"{running.pid} supervise --launch"
    assert json.loads(launch)["app"]["command"] == ["python", "app.py", "--flag"]
    assert running.returncode == 7


def test_without_a_binary_nothing_is_written(
    weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_PROXY", str(tmp_path / "none"))
    done = weft("run", "true")
    assert done.status == 1
    assert done.err.startswith("error: no weft-proxy at ")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "missing argument"),
        (["--restart", "often", "true"], "--restart 'often'"),
        (["--port", "http", "true"], "--port 'http'"),
        (["--call", ":80", "true"], "--call ':80'"),
        (["--label", "a", "true"], "--label 'a'"),
        (["--name", "../../etc", "true"], "--name '../../etc' is not a name"),
        (["--name", "Ä x", "true"], "--name 'Ä x' is not a name"),
        (["--namespace", "..", "true"], "--namespace '..' is not a name"),
        (["--service-account", "a/b", "true"], "--service-account 'a/b' is not a name"),
        (["--version", "v 1", "true"], "--version 'v 1' is not a name"),
        (["--bind", "localhost", "true"], "--bind 'localhost' is not an IP address"),
        (["--service", "reviews", "--health", "healthz", "true"], "--health 'healthz' is not a path"),
        (["--health", "/healthz", "true"], "--health needs --service"),
    ],
)
def test_wrong_usage(weft: Weft, arguments: list[str], error: str) -> None:
    done = weft("run", *arguments)
    assert done.status == 2
    assert done.err.startswith(f"error: {error}")


def test_an_unknown_service_is_said_with_those_there_are(weft: Weft, binary: Path) -> None:
    done = weft("run", "--service", "nobody", "true")
    assert done.status == 1
    assert done.err == (
        "error: there is no service default/nobody\n\nhint: there are default/ratings, default/reviews\n"
    )


@pytest.mark.parametrize(("text", "expected"), [("80", (80, 0)), ("80:9001", (80, 9001))])
def test_ports(text: str, expected: tuple[int, int]) -> None:
    assert port_pair(text) == expected


@pytest.mark.parametrize("text", ["", "0", "x", "80:", "80:x", "65536", "80:65536"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(Failure):
        port_pair(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("reviews", ("ns/reviews", 0)), ("reviews:80", ("ns/reviews", 80)), ("shop/cart:80", ("shop/cart", 80))],
)
def test_calls(text: str, expected: tuple[str, int]) -> None:
    assert called(text, "ns") == expected


def test_labels() -> None:
    assert pair("a=b=c") == ("a", "b=c")


def test_a_name_is_the_same_at_each_start() -> None:
    assert default_name("shop/reviews", "python") == default_name("reviews", "x")
    assert default_name(None, "loadgen").startswith("loadgen-")
