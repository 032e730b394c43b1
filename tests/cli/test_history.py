import json
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli.history import summary
from weft.client.types import ChangedRef, Revision

REF = "Service/default/a"


def document(size: int) -> dict[str, Any]:
    return {"kind": "Service", "metadata": {"name": "a"}, "spec": {"size": size}}


def revision(number: int, *changes: tuple[str, str], owner: str | None = "shop") -> dict[str, Any]:
    listed = [{"ref": ref, "action": action, "owner": owner} for ref, action in changes]
    return {"revision": number, "at": 0.0, "changes": listed, "count": len(listed)}


def test_revisions_are_listed_newest_first(weft: Weft, controller: Fake) -> None:
    both = revision(1, (REF, "created"), ("Service/default/b", "created"))
    controller.answers["/v1/revisions"] = {"revisions": [revision(2, (REF, "deleted")), both]}
    done = weft("history", "--limit", "2")
    assert [line.split("  ")[-1].strip() for line in done.lines[1:]] == [
        "deleted Service/default/a (of shop)",
        "created Service/default/a, Service/default/b (of shop)",
    ]
    assert controller.asked[0][1] == "/v1/revisions?limit=2"


def test_nothing_applied_is_no_table(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/revisions"] = {"revisions": []}
    assert (weft("history").out, weft("history").err) == ("", "nothing was ever applied\n")


@pytest.fixture
def one(controller: Fake) -> None:
    lines = [
        {"revision": 3, "ref": REF, "action": "deleted", "at": 0.0, "generation": 2, "document": None},
        {"revision": 1, "ref": REF, "action": "created", "at": 0.0, "generation": 1, "document": document(1)},
    ]
    controller.answers["/v1/resources/Service/default/a/history"] = {"history": lines}


@pytest.mark.parametrize("words", [("service", "a"), ("services/a",)])
def test_one_resources_history(weft: Weft, one: None, words: tuple[str, ...]) -> None:
    done = weft("history", *words)
    assert [line.split()[0] for line in done.lines] == ["REVISION", "3", "1"]
    assert "deleted" in done.lines[1] and done.lines[1].split()[-2:] == ["2", "-"]
    assert [each["revision"] for each in json.loads(weft("history", *words, "-o", "json").out)] == [3, 1]


def test_yaml_is_the_resource_each_time(weft: Weft, one: None) -> None:
    assert weft("history", "service", "a", "-o", "yaml").lines[:4] == [
        "# revision 3, deleted",
        "# revision 1, created",
        "---",
        "kind: Service",
    ]


def test_a_kind_alone_is_wrong_usage(weft: Weft) -> None:
    done = weft("history", "service")
    assert (done.status, done.err.splitlines()[0]) == (2, "error: which service?")


def rolled(*results: tuple[str, str], dry_run: bool = False) -> dict[str, Any]:
    return {"revision": 4, "dry_run": dry_run, "results": [{"ref": r, "action": a} for r, a in results]}


def test_a_roll_back_says_what_it_did(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/rollback"] = rolled((REF, "configured"))
    done = weft("rollback", "1")
    assert done.lines[1].split() == [REF, "configured"]
    assert done.err == "1 changed, revision 4\n"
    assert controller.asked == [("POST", "/v1/rollback", {"revision": 1, "dry_run": False})]


def test_a_roll_back_to_what_is_changes_nothing(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/rollback"] = rolled()
    assert weft("rollback", "1").err == "everything is as at revision 1\n"


def test_a_dry_run_prints_the_differences(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/rollback"] = rolled((REF, "configured"), dry_run=True)
    pages = {None: document(2), "1": document(1)}

    def answer(method: str, target: str, body: bytes) -> tuple[int, Any]:
        if target == "/v1/rollback":
            return 200, controller.answers[target]
        wanted = pages["1" if "at=1" in target else None]
        return 200, {"resources": [{"ref": REF, "document": wanted}]}

    controller.answer = answer  # type: ignore[method-assign]
    done = weft("rollback", "1", "--dry-run")
    assert "-  size: 2" in done.lines and "+  size: 1" in done.lines
    assert done.err == "1 would be changed (dry run)\n"
    pages[None] = document(1)
    assert "the same text, with the age and owner of revision 1" in weft("rollback", "1", "--dry-run").out


def test_what_is_no_longer_kept_is_said(weft: Weft, controller: Fake) -> None:
    gone = {"error": "revision 1 is no longer kept (the oldest is 5)", "hint": "`weft history` lists them"}
    controller.answers["/v1/rollback"] = (410, gone)
    done = weft("rollback", "1")
    assert (done.status, done.err.splitlines()[0]) == (1, f"error: {gone['error']}")


def test_a_long_revision_says_how_much_is_left_out() -> None:
    assert summary(Revision(1, changes=(ChangedRef(REF, "created"),), count=9)) == f"created {REF} and 8 more"
