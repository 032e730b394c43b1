"""What people want."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.controller.conftest import World, route, service
from weft.controller.intent import Order
from weft.resources.ref import Origin, Ref

A = Ref("Service", "default", "a")


def order(*documents: dict[str, Any], **options: Any) -> Order:
    return Order([(document, None) for document in documents], **options)


async def test_memory_follows_the_store(world: World) -> None:
    intent = world.controller.intent
    await intent.apply(order(service("a"), service("b")))
    await intent.delete(Ref("Service", "default", "b"), None)
    assert {str(ref) for ref in intent.records} == {"Service/default/a"} and set(intent.services) == {"default/a"}
    assert list(intent.records.values()) == await world.controller.store.records()
    await intent.roll_back(1, dry_run=False)
    assert set(intent.services) == {"default/a", "default/b"}
    assert sorted(intent.records) == sorted(record.ref for record in await world.controller.store.records())


async def test_two_applies_at_once_are_judged_one_after_the_other(world: World) -> None:
    intent = world.controller.intent
    answers = await asyncio.gather(
        *(intent.apply(order(service("a", 80 + number), expect={A: 0})) for number in range(5))
    )
    assert sorted(answer.stopped for answer in answers) == [False, True, True, True, True]
    assert all(answer.conflict for answer in answers if answer.stopped)


async def test_one_document_twice_is_rejected(world: World) -> None:
    answer = await world.controller.intent.apply(order(service("a"), service("a", 81)))
    (outcome,) = answer.outcomes
    assert answer.stopped and outcome.action == "rejected" and "twice" in outcome.problems[0].what


async def test_a_document_without_a_readable_name_stops_the_apply(world: World) -> None:
    answer = await world.controller.intent.apply(order(service("a"), {"kind": "Service", "metadata": 3}))
    assert answer.stopped and [outcome.ref for outcome in answer.outcomes] == ["Service/default/a", "Service/default/?"]
    assert await world.controller.store.records() == [] and world.controller.intent.records == {}


@pytest.mark.parametrize(
    ("rule", "line"),
    [("HTTPRoute/default/r/0", 9), ("HTTPRoute/default/r/canary", 12), ("HTTPRoute/default/r", 3), ("default", None)],
)
async def test_a_rule_resolves_to_its_line(world: World, rule: str, line: int | None) -> None:
    document = route("r", "a", "a")
    document["spec"]["rules"].append({"name": "canary", "backendRefs": [{"name": "a", "port": 80}]})
    await world.controller.intent.apply(Order([(document, Origin("shop.yaml", 3, 1, (9, 12)))]))
    found = world.controller.intent.origin(rule)
    assert (found.line if found else None) == line
