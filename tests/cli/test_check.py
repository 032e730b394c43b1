import json
from pathlib import Path

import pytest

from tests.cli.conftest import Fake, Weft
from weft.check.model import Check
from weft.cli.check import lines, text, verdict

HEALTH = {"status": "ok", "version": "0.1.0", "trust_domain": "t.weft", "revision": 7}
ROOT = {"sha256": "ab", "subject": "root", "not_before": 0.0, "not_after": 9e9}
SICK = {"name": "default/web-0", "health": "unhealthy", "lease": "attached", "proxy_version": "0.1.0"}


@pytest.fixture
def mesh(controller: Fake) -> Fake:
    controller.answers |= {
        "/v1/health": HEALTH,
        "/v1/status": {"revision": 7, "compiled_revision": 7},
        "/v1/certs": {"trust_domain": "t.weft", "roots": [ROOT]},
    }
    for name in ("workloads", "services", "resources", "rules", "tokens", "edges", "events"):
        controller.answers[f"/v1/{name}"] = {name: []}
    return controller


def test_a_mesh_that_is_well_is_status_0(weft: Weft, mesh: Fake) -> None:
    done = weft("check", "--mesh")
    assert (done.status, done.err) == (0, "")
    assert done.lines[2] == "ok    the controller answers: t.weft"
    assert done.lines[-1].split(":")[0].endswith("checks")
    assert max(map(len, done.lines)) <= 80


def test_a_failed_check_is_status_1_and_has_its_name_and_a_hint(weft: Weft, mesh: Fake) -> None:
    mesh.answers["/v1/workloads"] = {"workloads": [SICK]}
    done = weft("check", "--mesh", "--quiet")
    assert done.status == 1
    assert "fail  no workload is unhealthy: default/web-0 [workloads-healthy]" in done.lines
    assert "      hint: its own log says why" in done.lines
    assert not [line for line in done.lines if line.startswith(("ok", "skip"))]


def test_machine_and_mesh_are_checked_together(weft: Weft, mesh: Fake, tmp_path: Path) -> None:
    told = json.loads(weft("check", "-o", "json", "--state-dir", str(tmp_path / "none")).out)
    ids = {check["id"] for check in told["checks"]}
    assert len(told["checks"]) >= 60 and {"python-version", "way-explicit", "root-life", "access-used"} <= ids
    assert set(told["checks"][0]) == {"id", "what", "result", "detail", "hint"}
    assert sum(told["counts"].values()) == len(told["checks"])


def test_the_machine_alone_needs_no_controller(weft: Weft, tmp_path: Path) -> None:
    done = weft("check", "--machine", "--state-dir", str(tmp_path / "none"), "--controller", "http://127.0.0.1:9")
    assert done.lines[0] == "This machine" and "controller-reachable" not in done.out
    # A path is never broken: it could not be copied.
    assert [line for line in done.lines if len(line) > 80 and str(tmp_path) not in line] == []


def test_an_absent_controller_fails_when_it_was_named(weft: Weft) -> None:
    done = weft("check", "--mesh", "--controller", "http://127.0.0.1:9")
    assert done.status == 1 and "fail  the controller answers: no controller answers at" in done.out


def test_an_absent_controller_that_nobody_named_is_skipped(
    weft: Weft, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WEFT_CONTROLLER", raising=False)
    monkeypatch.setattr("weft.client.rest.DEFAULT_ADDRESS", "http://127.0.0.1:9")
    done = weft("check", "--state-dir", str(tmp_path / "none"))
    assert "skip  the controller answers: none at the usual address" in done.lines


def test_a_controller_that_refuses_is_a_failed_check(weft: Weft, mesh: Fake) -> None:
    mesh.answers["/v1/rules"] = (401, {"error": "no token", "hint": None, "problems": []})
    done = weft("check", "--mesh")
    assert done.status == 1 and "fail  the controller answers: no token [controller-reachable]" in done.lines


def test_both_at_once_is_wrong_usage(weft: Weft) -> None:
    assert weft("check", "--machine", "--mesh").status == 2


def test_a_long_check_is_folded() -> None:
    long = Check("x", "what", "warn", " ".join(["word"] * 30), "do")
    folded = list(lines(long, 40))
    assert max(map(len, folded)) <= 40 and folded[0].startswith("warn  what: word")
    assert folded[1].startswith("      word") and folded[-1] == "      hint: do"


def test_an_empty_part_has_no_title() -> None:
    assert list(text({"One": []}, 80, False)) == ["0 checks: 0 ok, 0 warn, 0 fail, 0 skip"]
    assert verdict([Check("a", "b", "ok")]) == "1 checks: 1 ok, 0 warn, 0 fail, 0 skip"
