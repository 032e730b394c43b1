"""What `Mesh.tap` gives."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

from weft.client.errors import MeshError
from weft.client.tap import NotTapped, Tapping, TapState
from weft.client.types import EdgeEnd

REQUEST = {
    "type": "request", "at": 12.5, "id": "x", "source": {"service": "d/web"}, "destination": {"workload": "d/api-0"},
    "status": None, "method": "GET", "path": "/a", "of_a_newer_controller": 1,
}  # fmt: skip
OLD = {"workload": "d/old-0", "why": "older"}
STATE = {"type": "state", "tapped": 2, "not_tapped": [OLD], "left_out": 3, "lost": 4}


def lines(*items: Any) -> Generator[str, None, None]:
    for item in items:
        yield item if isinstance(item, str) else json.dumps(item)


def test_requests_come_one_by_one_and_the_state_beside_them() -> None:
    heard: list[TapState] = []
    tapping = Tapping(lines(STATE, REQUEST, {"type": "of a newer controller"}, REQUEST), heard.append)
    assert tapping.state == TapState()
    found = next(tapping)
    assert (found.at, found.source, found.destination) == (12.5, EdgeEnd("d/web"), EdgeEnd(workload="d/api-0"))
    assert (found.status, found.path, found.retries) == (None, "/a", 0)
    assert tapping.state == TapState(2, (NotTapped("d/old-0", "older"),), (), 3, 4) and heard == [tapping.state]
    assert next(tapping) == found


def test_its_end_is_an_error_and_leaving_is_none() -> None:
    with pytest.raises(MeshError, match="has ended the tap"):
        list(Tapping(lines(REQUEST)))
    source = lines(REQUEST, REQUEST)
    with Tapping(source) as tapping:
        next(tapping)
    assert list(source) == []


@pytest.mark.parametrize("line", ["<html>", "[]", '{"kind": 1}', '{"type": "request", "at": 1}'])
def test_what_is_no_item_is_an_error(line: str) -> None:
    with pytest.raises(MeshError, match="item of a tap|not understood"):
        next(Tapping(lines(line)))
