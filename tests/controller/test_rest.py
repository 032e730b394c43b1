"""REST as a whole: every route exists, every failure has one form."""

from __future__ import annotations

import re

from tests.controller.conftest import World
from weft.controller import rest
from weft.controller.compiling import CompilerGone
from weft.store.errors import StoreError, StoreFull


async def test_every_declared_route_is_served_and_every_served_one_declared(world: World) -> None:
    declared = set(re.findall(r"(GET|POST|DELETE) +(/v1/[^\s?]*)", rest.__doc__ or ""))
    document = await world.ok("GET", "/openapi.json")
    served = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert served == declared


async def test_what_is_not_there_says_so_in_the_common_form(world: World) -> None:
    answer = await world.fails(404, "GET", "/v1/nothing")
    assert set(answer) == {"error", "hint", "problems"} and "/v1/nothing" in answer["error"]
    answer = await world.fails(405, "DELETE", "/v1/apply")
    assert "/openapi.json" in answer["hint"]


async def test_errors_of_the_parts_become_answers(world: World) -> None:
    async def full() -> None:
        raise StoreFull("no space is left", "free some")

    async def broken() -> None:
        raise StoreError("the disk failed", "check it")

    world.controller.store.tokens = full  # type: ignore[assignment]
    answer = await world.fails(507, "GET", "/v1/tokens")
    assert (answer["error"], answer["hint"]) == ("no space is left", "free some")
    world.controller.store.tokens = broken  # type: ignore[assignment]
    await world.fails(503, "GET", "/v1/tokens")
    world.controller.store.tokens = None  # type: ignore[assignment]
    answer = await world.fails(500, "GET", "/v1/tokens")
    assert "defect" in answer["error"]


async def test_a_compiler_that_does_not_answer_is_503(world: World) -> None:
    async def gone(operation: str, argument: object, timeout_s: float | None = None) -> None:
        raise CompilerGone("the compiler's process has ended")

    world.controller.compiling.ask = gone  # type: ignore[method-assign]
    answer = await world.fails(503, "POST", "/v1/apply", json={"documents": []})
    assert "try again" in answer["hint"]
