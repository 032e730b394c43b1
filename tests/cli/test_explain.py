import json
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli.explain import header, method_and_path, record_text
from weft.cli.failure import Failure

RECORD = {"status": 403, "rule": "AccessPolicy/default/x/0", "tries": []}
FOUND = {"id": "abc", "found": [{"workload": "default/web-0", "record": RECORD}], "asked": 2}


def test_the_question_reaches_the_controller_with_full_names(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/explain"] = {"text": "resolve …"}
    done = weft("explain", "--from", "web", "--to", "shop/reviews:80", "post", "/reviews", "-H", "X-User: jo")
    assert done.out == "resolve …\n"
    assert controller.asked[0][2] == {
        "from": "default/web",
        "to": "shop/reviews:80",
        "method": "POST",
        "path": "/reviews",
        "headers": {"x-user": "jo"},
    }


def test_json_is_the_whole_answer(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/explain"] = {"text": "x", "allowed": True}
    done = weft("explain", "--from", "a", "--to", "b", "/", "-o", "json")
    assert json.loads(done.out) == {"text": "x", "allowed": True}


def test_a_request_id_asks_what_proxies_remember(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/requests/abc"] = FOUND
    controller.answers["/v1/rules"] = {"rules": []}
    controller.answers["/v1/status"] = {"revision": 1, "objects": []}
    assert weft("explain", "abc").lines == ["default/web-0", "  status  403", "  rule    AccessPolicy/default/x/0"]


def test_the_rule_of_a_remembered_request_says_where_it_was_written(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/requests/abc"] = FOUND
    place = {"file": "shop/access.yaml", "line": 7, "column": 3}
    controller.answers["/v1/rules"] = {"rules": [{"rule_id": "AccessPolicy/default/x/0", "origin": place}]}
    assert weft("explain", "abc").lines[2] == "  rule    AccessPolicy/default/x/0 at shop/access.yaml:7:3"
    controller.answers["/v1/rules"] = {"rules": []}
    object = {"ref": "AccessPolicy/default/x", "origin": {**place, "line": 5}}
    controller.answers["/v1/status"] = {"revision": 1, "objects": [object]}
    assert weft("explain", "abc").lines[2] == "  rule    AccessPolicy/default/x/0 at shop/access.yaml:5:3"


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_forgotten_request_is_status_1(weft: Weft, controller: Fake, output: str) -> None:
    controller.answers["/v1/requests/abc"] = {"id": "abc", "asked": 3, "failed": [{"workload": "default/a-0"}]}
    done = weft("explain", "abc", "-o", output)
    assert done.status == 1
    assert "no proxy remembers abc (3 asked; 1 could not be asked)" in done.err


@pytest.mark.parametrize(
    "words", [["--from", "a", "/"], ["--to", "b", "/"], ["/path"], ["GET", "/path"], ["--from", "a", "--to", "b", "x"]]
)
def test_half_a_question_is_wrong_usage(weft: Weft, words: list[str]) -> None:
    assert weft("explain", *words).status == 2


@pytest.mark.parametrize(
    ("words", "expected"), [(["/a"], ("GET", "/a")), (["get", "/a"], ("GET", "/a")), (["PURGE", "/"], ("PURGE", "/"))]
)
def test_the_method_is_get_unless_said(words: list[str], expected: tuple[str, str]) -> None:
    assert method_and_path(words) == expected


@pytest.mark.parametrize(("text", "expected"), [("A: b", ("a", "b")), ("a:", ("a", "")), ("a:b:c", ("a", "b:c"))])
def test_headers(text: str, expected: tuple[str, str]) -> None:
    assert header(text) == expected


@pytest.mark.parametrize("text", ["", "a", ":b"])
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="is not a header"):
        header(text)


def test_a_record_leaves_out_what_is_empty() -> None:
    record: dict[str, Any] = {"id": "x", "empty": "", "none": None, "list": ["a"], "zero": 0}
    assert record_text("w", record) == 'w\n  id     x\n  list   ["a"]\n  zero   0'
