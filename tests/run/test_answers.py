import asyncio
import json

import pytest

from tests.run.conftest import CHAIN, QUIET, Screen, World, prepared
from weft.resources.expand import expand_text
from weft.run.controller import Failed
from weft.run.up import Order, Up


def ignore(text: str) -> None:
    pass


async def test_asked_while_it_starts_it_says_so(world: World, address: str) -> None:
    world.never_ready = "a-0"
    up, _ = prepared(address, {"a": {"command": QUIET, "port": 80}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(world.seen("a-0"), 20)
    with pytest.raises(Failed, match="still starting"):
        await up.answers.answer({"do": "restart", "service": None}, ignore)
    assert [entry["state"] for entry in (await up.answers.answer({"do": "status"}, ignore))["workloads"]] == ["running"]
    up.stop()
    await running


async def test_a_restart_exchanges_the_process_and_ends_nothing_else(world: World, address: str) -> None:
    up, _ = prepared(address, {"a": {"command": QUIET, "port": 80}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    first, said = up.children["a-0"], list[str]()
    await up.answers.answer({"do": "restart", "service": "a"}, said.append)
    assert (said, first.running, up.children["a-0"].running) == (["a-0 restarted"], False, True)
    with pytest.raises(Failed, match="no service b here"):
        await up.answers.answer({"do": "restart", "service": "b"}, ignore)
    assert not running.done()
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0


async def test_who_fails_to_come_back_is_told_and_the_others_go_on(world: World, address: str) -> None:
    file = world.folder / "weft.yaml"
    file.write_text(json.dumps({"services": CHAIN}))
    expanded = expand_text(file.read_text())
    up = Up(Order(file, expanded, controller=address), Screen().display)
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    world.never_ready = "b-0"
    broken = {"command": ["sh", "-c", "echo alas; exit 3"], "port": 80}
    file.write_text(json.dumps({"services": {**CHAIN, "b": broken}}))
    with pytest.raises(Failed, match="b-0 ended with exit status 3") as caught:
        await up.answers.answer({"do": "change", "variables": {}, "publish": {}}, ignore)
    assert caught.value.tail == ("alas",)
    assert up.children["a-0"].running
    assert not running.done()
    world.never_ready, said = "", list[str]()
    file.write_text(json.dumps({"services": CHAIN}))
    await up.answers.answer({"do": "change", "variables": {}, "publish": {}}, said.append)
    assert said[0] == "started: b-0"
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0


async def test_all_of_it_restarts_in_the_order_of_a_start(world: World, address: str) -> None:
    chain = {"a": {"command": QUIET, "depends_on": ["b"]}, "b": {"command": QUIET, "depends_on": ["c"]}}
    up, _ = prepared(address, {**chain, "c": {"command": QUIET, "replicas": 2}})
    running = asyncio.create_task(up.run())
    await asyncio.wait_for(up.ready.wait(), 20)
    said = list[str]()
    await up.answers.answer({"do": "restart", "service": None}, said.append)
    assert said == [f"{name} restarted" for name in ("c-0", "c-1", "b-0", "a-0")]
    up.stop()
    assert await asyncio.wait_for(running, 20) == 0
