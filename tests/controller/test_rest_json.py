"""Bodies, queries and errors of REST."""

from __future__ import annotations

import json

from weft.controller.rest_json import ApiError, origin_json, problem_json
from weft.resources.problem import Problem
from weft.resources.ref import Origin, Ref


def test_a_problem_is_told_with_its_place() -> None:
    problem = Problem("a.yaml", 3, 5, "no port 81", "it has 80", "use 80", "warning", Ref("Service", "d", "a"), "spec")
    assert problem_json(problem) == {
        "message": "no port 81: it has 80",
        "hint": "use 80",
        "ref": "Service/d/a",
        "field": "spec",
        "origin": {"file": "a.yaml", "line": 3, "column": 5, "rules": []},
        "severity": "warning",
    }
    assert problem_json(Problem("", 0, 0, "x"))["origin"] is None and origin_json(None) is None


def test_an_origin_keeps_the_lines_of_its_rules() -> None:
    assert origin_json(Origin("a.yaml", 1, 1, (4, 8))) == {"file": "a.yaml", "line": 1, "column": 1, "rules": [4, 8]}


def test_an_error_has_the_common_form() -> None:
    response = ApiError(422, "wrong", "mend it", {"problems": [1], "revision": 3}).response()
    assert response.status_code == 422
    assert json.loads(bytes(response.body)) == {"error": "wrong", "hint": "mend it", "problems": [1], "revision": 3}
