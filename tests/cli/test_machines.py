from pathlib import Path

import pytest

from tests.cli.conftest import Fake, Weft

FILE = """
namespace: shop
services:
  web: {run: x, port: 80, calls: [ratings]}
  ratings: {run: x, port: 80, replicas: 2, machine: b}
  job: {run: x, account: robot, machine: b}
  old: {run: x, port: 80, versions: {v1: {}, v2: {machine: b, replicas: 3}}}
"""


@pytest.fixture
def folder(tmp_path: Path, controller: Fake, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weft.yaml").write_text(FILE)
    controller.answers["/v1/workloads"] = {"workloads": []}
    return tmp_path


TOKEN = {"token": "weftm1.abc", "id": "a1", "machine": "b", "uses": 6}


def test_a_whole_command_goes_to_stdout(weft: Weft, controller: Fake, folder: Path) -> None:
    controller.answers["/v1/machine-tokens"] = TOKEN
    done = weft("token", "machine", "b", "--expires", "15m")
    assert done.out == "weft up --join weftm1.abc\n"
    assert done.err == (
        "for machine b: ratings-0, ratings-1, job-0, old-v2-0, old-v2-1, old-v2-2; expires in 15m\n"
        "\nhint: run it there, in a folder with the same weft.yaml\n"
    )
    assert controller.asked[-1][2] == {
        "machine": "b",
        "ttl_seconds": 900,
        "grants": [
            {"namespace": "shop", "service_account": "ratings", "service": "shop/ratings", "uses": 2},
            {"namespace": "shop", "service_account": "robot", "service": None, "uses": 1},
            {"namespace": "shop", "service_account": "old", "service": "shop/old", "uses": 3},
        ],
    }


def test_a_controller_that_others_cannot_reach_is_a_warning(weft: Weft, controller: Fake, folder: Path) -> None:
    controller.answers["/v1/machine-tokens"] = {**TOKEN, "hint": "this machine only"}
    assert "warning: this machine only\n" in weft("token", "machine", "b").err


def test_whom_a_second_machine_would_displace_is_named(weft: Weft, controller: Fake, folder: Path) -> None:
    controller.answers["/v1/machine-tokens"] = TOKEN
    present = [("shop/ratings-1", "attached"), ("shop/job-0", "lost"), ("shop/web-0", "attached")]
    controller.answers["/v1/workloads"] = {"workloads": [{"name": name, "lease": lease} for name, lease in present]}
    (line,) = (line for line in weft("token", "machine", "b").err.splitlines() if "already in the mesh" in line)
    assert line.startswith("warning: already in the mesh: ratings-1; on a second machine")


def test_for_programs_it_is_the_token_alone(weft: Weft, controller: Fake, folder: Path) -> None:
    controller.answers["/v1/machine-tokens"] = TOKEN
    assert '"token": "weftm1.abc"' in weft("token", "machine", "b", "-o", "json").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("bb",), "nothing in weft.yaml runs on machine bb\n\nhint: did you mean"),
        (("far",), "nothing in weft.yaml runs on machine far\n\nhint: known here: b"),
        (("b", "-f", "other.yaml"), "there is no other.yaml here"),
        (("b", "--expires", "1"), "'1' is not a duration"),
    ],
)
def test_what_there_is_no_token_for(
    weft: Weft, controller: Fake, folder: Path, words: tuple[str, ...], says: str
) -> None:
    done = weft("token", "machine", *words)
    assert done.status in (1, 2) and done.out == "" and says in done.err
    assert controller.asked == []


def test_a_file_without_machines_is_told_what_to_write(weft: Weft, controller: Fake, folder: Path) -> None:
    (folder / "weft.yaml").write_text("services: {a: {run: x}}")
    assert "hint: `machine: b` in a service says so" in weft("token", "machine", "b").err
