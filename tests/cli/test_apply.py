from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft

SERVICE = """\
apiVersion: weft/v1
kind: Service
metadata: {name: reviews}
spec:
  ports: [{port: 80}]
"""
REF = "Service/default/reviews"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mesh.yaml"
    path.write_text(SERVICE)
    return path


def answer(action: str = "created", **more: Any) -> dict[str, Any]:
    return {"revision": 4, "results": [{"ref": REF, "action": action, **more}]}


def test_apply_sends_the_document_with_its_place(weft: Weft, controller: Fake, file: Path) -> None:
    controller.answers["/v1/apply"] = answer()
    done = weft("apply", "-f", str(file), "--owner", "shop", "--prune")
    assert done.lines == ["RESOURCE                 ACTION", f"{REF}  created"]
    assert done.err == "1 of 1 changed, revision 4\n"
    body = controller.asked[0][2]
    assert (body["owner"], body["prune"]) == ("shop", True)
    assert body["documents"][0]["origin"] == {"file": str(file), "line": 1, "column": 1, "rules": []}


def test_prune_needs_an_owner(weft: Weft, file: Path) -> None:
    done = weft("apply", "-f", str(file), "--prune")
    assert done.status == 2
    assert done.err.startswith("error: --prune needs --owner NAME\n\nhint: ")


def test_a_dry_run_says_so(weft: Weft, controller: Fake, file: Path) -> None:
    controller.answers["/v1/apply"] = {**answer(), "dry_run": True}
    assert weft("apply", "-f", str(file), "--dry-run").err == "1 of 1 would be changed (dry run)\n"


def test_warnings_come_with_what_was_accepted(weft: Weft, controller: Fake, file: Path) -> None:
    problem = {"message": "nobody serves it", "hint": "start one", "severity": "warning"}
    controller.answers["/v1/apply"] = answer(problems=[problem])
    done = weft("apply", "-f", str(file))
    assert done.err == "warning: nobody serves it\n\nhint: start one\n\n1 of 1 changed, revision 4\n"


def test_files_without_resources_are_a_mistake_unless_nothing_is_wanted(
    weft: Weft, controller: Fake, tmp_path: Path
) -> None:
    (tmp_path / "empty.yaml").write_text("# later\n")
    done = weft("apply", "-f", str(tmp_path / "empty.yaml"))
    assert (done.status, done.err) == (1, "error: nothing to apply: no file has a resource in it\n")
    assert controller.asked == []
    controller.answers["/v1/apply"] = answer("deleted")
    assert weft("apply", "-f", str(tmp_path / "empty.yaml"), "--owner", "shop", "--prune").status == 0


def test_wrong_files_reach_no_controller(weft: Weft, controller: Fake, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SERVICE.replace("ports:", "prots:"))
    done = weft("apply", "-f", str(tmp_path))
    assert done.status == 1
    assert f"error: {tmp_path}/bad.yaml:5:3: " in done.err
    assert 'did you mean "ports"?' in done.err
    assert done.err.splitlines()[-1].startswith("error: ")
    assert controller.asked == []


@pytest.mark.parametrize("command", ["apply", "diff", "validate", "compile"])
def test_without_files_the_usual_one_is_needed(
    weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = weft(command)
    assert (done.status, done.err.splitlines()[0]) == (2, "error: which files?")


def test_the_usual_file_is_a_weft_yaml(
    weft: Weft, controller: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weft.yaml").write_text("services: {a: {run: x, port: 80}, b: {run: y, calls: [a]}}")
    controller.answers["/v1/apply"] = {"revision": 1, "results": []}
    assert weft("apply").status == 0
    kinds = [document["kind"] for document in controller.asked[0][2]["documents"]]
    assert kinds == ["Service", "AccessPolicy"]


def stored(port: int) -> dict[str, Any]:
    document = {
        "apiVersion": "weft/v1",
        "kind": "Service",
        "metadata": {"name": "reviews"},
        "spec": {"ports": [{"port": port}]},
    }
    return {"revision": 3, "resources": [{"ref": REF, "document": document}]}


def test_diff_shows_lines_and_is_status_1(weft: Weft, controller: Fake, file: Path) -> None:
    controller.answers |= {"/v1/apply": answer("configured"), "/v1/resources": stored(81)}
    done = weft("diff", "-f", str(file))
    assert done.status == 1
    assert done.lines[:2] == [f"--- {REF}", f"+++ {REF}"]
    assert [line for line in done.lines[2:] if line[0] in "+-"] == ["-  - port: 81", "+  - port: 80"]
    assert controller.asked[0][2]["dry_run"] is True


def test_no_difference_is_nothing_and_status_0(weft: Weft, controller: Fake, file: Path) -> None:
    controller.answers |= {"/v1/apply": answer("unchanged"), "/v1/resources": stored(80)}
    done = weft("diff", "-f", str(file))
    assert (done.status, done.out) == (0, "")


def test_diff_of_what_comes_and_goes(weft: Weft, controller: Fake, file: Path) -> None:
    gone = {"ref": "Service/default/old", "action": "deleted"}
    controller.answers["/v1/apply"] = {"revision": 4, "results": [{"ref": REF, "action": "created"}, gone]}
    controller.answers["/v1/resources"] = {"resources": [{"ref": gone["ref"], "document": {"kind": "Service"}}]}
    lines = weft("diff", "-f", str(file), "--prune", "--owner", "shop").lines
    assert lines[:2] == ["--- (new)", f"+++ {REF}"]
    assert "--- Service/default/old" in lines
    assert "+++ (deleted)" in lines
    assert "-kind: Service" in lines
