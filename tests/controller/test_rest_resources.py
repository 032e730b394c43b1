"""REST: resources, apply, history, watch."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.controller.conftest import World, route, service

A = "/v1/resources/Service/default/a"


def actions(answer: Any) -> list[str]:
    return [f"{result['ref']} {result['action']}" for result in answer["results"]]


async def test_an_apply_reads_back(world: World) -> None:
    origin = {"file": "shop.yaml", "line": 3, "column": 1, "rules": [9]}
    answer = await world.apply({**service("a"), "origin": origin}, owner="shop")
    assert answer["revision"] == 1 and actions(answer) == ["Service/default/a created"]
    one = await world.ok("GET", A)
    assert (one["ref"], one["revision"], one["generation"], one["owner"]) == ("Service/default/a", 1, 1, "shop")
    assert one["origin"] == origin and one["document"] == service("a")
    listed = await world.ok("GET", "/v1/resources?kind=Service&owner=shop")
    assert listed == {"revision": 1, "resources": [one]}
    assert (await world.ok("GET", "/v1/resources?namespace=other"))["resources"] == []


async def test_applying_again_changes_nothing_and_a_moved_origin_no_program(world: World) -> None:
    await world.apply({**service("a"), "origin": {"file": "a.yaml", "line": 1}})
    await world.compiled()
    version = (await world.ok("GET", "/v1/programs/Backend?key=default/a:80"))["programs"][0]["version"]
    answer = await world.apply({**service("a"), "origin": {"file": "a.yaml", "line": 7}})
    assert answer["revision"] == 1 and actions(answer) == ["Service/default/a unchanged"]
    assert (await world.ok("GET", A))["origin"]["line"] == 7
    await world.apply(service("b"))
    await world.compiled()
    assert (await world.ok("GET", "/v1/programs/Backend?key=default/a:80"))["programs"][0]["version"] == version


async def test_all_or_nothing_unless_partial(world: World) -> None:
    wrong = service("b")
    wrong["spec"]["ports"][0]["protocol"] = "SMTP"
    body = {"documents": [service("a"), {**wrong, "origin": {"file": "shop.yaml", "line": 9, "column": 1}}]}
    answer = await world.fails(422, "POST", "/v1/apply", json=body)
    assert answer["error"] == "1 of 2 resources rejected, nothing was changed" and answer["revision"] == 0
    assert actions(answer) == ["Service/default/a created", "Service/default/b rejected"]
    (problem,) = answer["results"][1]["problems"]
    assert problem["origin"]["file"] == "shop.yaml" and problem["severity"] == "error" and "SMTP" in problem["message"]
    assert (await world.ok("GET", "/v1/resources"))["resources"] == []
    answer = await world.ok("POST", "/v1/apply", json={**body, "partial": True})
    assert actions(answer) == ["Service/default/a created", "Service/default/b rejected"] and answer["revision"] == 1
    await world.ok("GET", A)


async def test_what_the_core_refuses_is_rejected_by_name(world: World) -> None:
    body = {"documents": [service("a"), route("r", "a", "a", path="/please-refuse")], "partial": True}
    answer = await world.ok("POST", "/v1/apply", json=body)
    assert actions(answer) == ["Service/default/a created", "HTTPRoute/default/r rejected"]
    (problem,) = answer["results"][1]["problems"]
    assert problem["ref"] == "HTTPRoute/default/r" and "the core refuses it" in problem["message"]


async def test_a_warning_does_not_stop_and_is_told(world: World) -> None:
    answer = await world.apply(service("a"), route("r", "a", "nowhere"))
    (problem,) = answer["results"][1]["problems"]
    assert problem["severity"] == "warning" and "there is no Service default/nowhere" in problem["message"]


async def test_a_dry_run_says_what_would_be_and_writes_nothing(world: World) -> None:
    answer = await world.apply(service("a"), dry_run=True)
    assert answer["dry_run"] and actions(answer) == ["Service/default/a created"] and answer["revision"] == 0
    await world.fails(404, "GET", A)


async def test_expect_that_does_not_hold_is_a_conflict(world: World) -> None:
    await world.apply(service("a"))
    body: dict[str, Any] = {"documents": [service("a", 81)], "expect": {"Service/default/a": 5}}
    answer = await world.fails(409, "POST", "/v1/apply", json=body)
    assert "is at revision 1, revision 5 was expected" in answer["results"][0]["problems"][0]["message"]
    await world.ok("POST", "/v1/apply", json={**body, "expect": {"Service/default/a": 1}})
    await world.fails(400, "POST", "/v1/apply", json={**body, "expect": {"nonsense": 1}})


async def test_prune_removes_what_left_the_files_of_its_owner(world: World) -> None:
    await world.apply(service("a"), service("b"), owner="shop")
    await world.apply(service("c"), owner="other")
    answer = await world.apply(service("a"), owner="shop", prune=True)
    assert actions(answer) == ["Service/default/a unchanged", "Service/default/b deleted"]
    left = [one["ref"] for one in (await world.ok("GET", "/v1/resources"))["resources"]]
    assert left == ["Service/default/a", "Service/default/c"]
    await world.fails(400, "POST", "/v1/apply", json={"documents": [], "prune": True})


async def test_a_stopped_prune_deletes_nothing(world: World) -> None:
    await world.apply(service("a"), service("b"), owner="shop")
    body = {"documents": [{"kind": "Nonsense"}], "owner": "shop", "prune": True}
    await world.fails(422, "POST", "/v1/apply", json=body)
    assert len((await world.ok("GET", "/v1/resources"))["resources"]) == 2
    assert len((await world.ok("GET", "/v1/services"))["services"]) == 2


async def test_deleting_says_what_it_did_and_suggests_what_was_meant(world: World) -> None:
    await world.apply(service("a"))
    await world.fails(409, "DELETE", A + "?expect=9")
    answer = await world.ok("DELETE", A + "?expect=1")
    assert actions(answer) == ["Service/default/a deleted"] and answer["revision"] == 2
    await world.apply(service("reviews"))
    answer = await world.fails(404, "DELETE", "/v1/resources/Service/default/review")
    assert answer["hint"] == 'did you mean "Service/default/reviews"?'


async def test_history_and_the_past_can_be_read_and_returned_to(world: World) -> None:
    await world.apply(service("a"))
    born = (await world.ok("GET", A))["created_at"]
    await world.apply(service("a", 81))
    await world.ok("DELETE", A)
    lines = (await world.ok("GET", A + "/history"))["history"]
    assert [line["action"] for line in lines] == ["deleted", "configured", "created"] and lines[0]["document"] is None
    past = await world.ok("GET", "/v1/resources?at=2")
    assert past["revision"] == 2 and past["resources"][0]["document"] == service("a", 81)
    dry = await world.ok("POST", "/v1/rollback", json={"revision": 1, "dry_run": True})
    assert dry["revision"] == 3
    answer = await world.ok("POST", "/v1/rollback", json={"revision": 1})
    assert actions(answer) == ["Service/default/a created"] and answer["revision"] == 4
    now = await world.ok("GET", A)
    assert now["document"] == service("a") and now["created_at"] == born
    await world.fails(410, "POST", "/v1/rollback", json={"revision": 99})
    (newest, *_, oldest) = (await world.ok("GET", "/v1/revisions"))["revisions"]
    assert (newest["revision"], oldest["revision"], oldest["count"]) == (4, 1, 1)
    assert newest["changes"] == [{"ref": "Service/default/a", "action": "created", "owner": None}]
    await world.fails(404, "GET", "/v1/resources/Service/default/never/history")


async def test_a_watch_gives_what_was_and_what_comes(world: World) -> None:
    await world.apply(service("a"))
    async with world.rest.stream("GET", "/v1/watch?after=0") as response:
        lines = response.aiter_lines()
        first = json.loads(await anext(lines))
        assert (first["ref"], first["action"], first["document"]) == ("Service/default/a", "created", service("a"))
        await world.ok("DELETE", A)
        second = json.loads(await asyncio.wait_for(anext(lines), 10))
        assert (second["revision"], second["action"], second["document"]) == (2, "deleted", None)
    await world.fails(410, "GET", "/v1/watch?after=99")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON"),
        (b"[]", "the body is wrong"),
        (b'{"documents": [], "prun": true}', "the body is wrong"),
        (b'{"documents": [{"origin": 3}]}', "an origin is wrong"),
        (b"[" * 100_000 + b"]" * 100_000, "the body is not JSON"),
        (
            b'{"documents": [' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"]}",
            "the body is nested more than 64 levels deep",
        ),
        (b'{"documents": [{"metadata": {"name": "\\ud800"}}]}', "a text in the body is not Unicode"),
        (b'{"documents": [{"metadata": {"labels": {"\\uDFFF": ""}}}]}', "a text in the body is not Unicode"),
    ],
)
async def test_a_body_that_is_wrong_is_explained(world: World, body: bytes, message: str) -> None:
    headers = {"content-type": "application/json"}
    answer = await world.fails(400, "POST", "/v1/apply", content=body, headers=headers)
    assert answer["error"] == message and answer["hint"]
