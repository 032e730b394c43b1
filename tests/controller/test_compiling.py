"""The compiler's process as the controller sees it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import pytest

from tests.controller.conftest import COMPILER, service
from weft.compiler.model import Status, WorkloadInfo
from weft.controller import compiling as module
from weft.controller.compiling import CompilerGone, Compiling
from weft.controller.topics import Topics
from weft.controller.worker import Item
from weft.resources.ref import Ref


class Box:
    def __init__(self, command: tuple[str, ...] = COMPILER) -> None:
        self.topics = Topics()
        self.statuses: dict[Ref, Status] = {}
        self.gone: list[Ref] = []
        self._compiled = asyncio.Event()
        self.compiling = Compiling(self.topics, "t", [b"root"], self._on_program, command)

    def _on_program(self, statuses: Mapping[Ref, Status], gone: Iterable[Ref]) -> None:
        self.statuses.update(statuses)
        self.gone += gone
        self._compiled.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._compiled.clear()
                await self._compiled.wait()

    def put(self, revision: int, *documents: dict[str, Any], drops: Iterable[Ref] = ()) -> None:
        items = [Item(ref(document), document, revision) for document in documents]
        self.compiling.set_resources(revision, items, drops)

    def keys(self) -> set[str]:
        return {key for kind, key in self.topics.entries if kind == "Backend"}

    async def pid(self) -> int:
        return (await self.compiling._alive).process.pid


def ref(document: dict[str, Any]) -> Ref:
    return Ref(document["kind"], document["metadata"]["namespace"], document["metadata"]["name"])


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    made = Box()
    yield made
    await made.compiling.stop()


async def test_what_is_held_is_compiled_and_told_to_nobody(box: Box) -> None:
    box.compiling.hold()
    box.compiling.release()
    assert not box.topics.ready, "nothing is compiled yet"
    box.compiling.hold()
    box.put(1, service("a"))
    box.compiling.start()
    await box.until(lambda: box.keys() == {"default/a:80"})
    assert not box.topics.ready
    box.compiling.release()
    assert box.topics.ready


async def test_changes_become_the_program(box: Box) -> None:
    box.put(1, service("a"))
    box.compiling.start()
    assert not box.topics.ready
    await box.until(lambda: box.topics.ready)
    assert box.keys() == {"default/a:80"} and box.compiling.revision == 1
    box.put(2, service("b"), drops=[ref(service("a"))])
    await box.until(lambda: box.compiling.revision == 2)
    assert box.keys() == {"default/b:80"} and box.gone == [ref(service("a"))]


async def test_an_empty_mesh_has_a_program_too(box: Box) -> None:
    box.compiling.start()
    await box.until(lambda: box.topics.ready)
    assert set(box.topics.entries) == {("Mesh", "mesh")}


async def test_changes_that_pile_up_go_together(box: Box) -> None:
    box.compiling.start()
    for number in range(100):
        box.put(number + 1, service(f"s{number}"))
        workload = WorkloadInfo(f"default/w{number}", "default", f"default/s{number}")
        box.compiling.set_workloads([workload] if number % 2 else [], [] if number % 2 else [workload.name])
    await box.until(lambda: box.compiling.revision == 100)
    assert len(box.keys()) == 100
    assert sum(kind == "Inbound" for kind, _ in box.topics.entries) == 50


async def test_when_the_process_dies_the_last_program_stays_and_a_new_one_is_told_everything(box: Box) -> None:
    box.put(1, service("a"))
    box.compiling.start()
    await box.until(lambda: box.compiling.revision == 1)
    before = dict(box.topics.entries)
    old = await box.pid()
    os.kill(old, signal.SIGKILL)
    box.put(2, service("b"))
    assert box.topics.entries == before and box.topics.ready
    await box.until(lambda: box.compiling.revision == 2)
    assert box.keys() == {"default/a:80", "default/b:80"} and await box.pid() != old and box.compiling.trouble == ""


async def test_what_crashes_the_compiler_leaves_the_last_program_in_force(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.0)
    box.put(1, service("a"))
    box.compiling.start()
    await box.until(lambda: box.compiling.revision == 1)
    poison = service("b", health={"http": "/please-crash"})
    box.put(2, poison)
    crashed = asyncio.Event()
    monkeypatch.setattr(module.log, "error", lambda *text: crashed.set())
    await asyncio.wait_for(crashed.wait(), 30)
    assert box.keys() == {"default/a:80"} and "process has ended" in box.compiling.trouble
    box.put(3, drops=[ref(poison)])
    await box.until(lambda: box.compiling.revision == 3)
    assert box.compiling.trouble == ""


async def test_a_question_waits_for_the_process_and_is_answered(box: Box) -> None:
    asking = asyncio.create_task(box.compiling.ask("check", ([(service("a"), None)], [])))
    box.compiling.start()
    (found,) = await asking
    assert found.ref == Ref("Service", "default", "a")


async def test_a_question_that_nobody_answers_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.01)
    box = Box()
    with pytest.raises(CompilerGone, match="did not answer"):
        await box.compiling.ask("check", ([], []))


async def test_a_question_that_fails_says_why(box: Box) -> None:
    box.compiling.start()
    with pytest.raises(CompilerGone, match="KeyError"):
        await box.compiling.ask("explain", {})
    assert await box.compiling.ask("check", ([], [])) == []


async def test_stopping_ends_the_process() -> None:
    box = Box()
    box.compiling.start()
    pid = await box.pid()
    await box.compiling.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_process_that_talks_nonsense_is_ended_and_said_so() -> None:
    nonsense = "import os, pickle; os.write(1, b'\\0\\0\\0\\3abc'); input()"
    box = Box((sys.executable, "-c", nonsense))
    box.compiling.start()
    with pytest.raises(CompilerGone, match="cannot be understood|has ended"):
        await box.compiling.ask("check", ([], []))
    await box.compiling.stop()


async def test_one_that_talked_nonsense_before_it_was_asked_is_not_asked() -> None:
    """Nobody reads its answers any more: whoever waited for one would wait for ever."""
    process = await module._start((sys.executable, "-c", "import os; os.write(1, b'\\0\\0\\0\\3abc'); input()"))
    await asyncio.wait_for(process._reader, 20)
    with pytest.raises(CompilerGone, match="cannot be understood"):
        await asyncio.wait_for(process.ask("check", ([], []), lambda value: None), 20)
    await process.end()


async def test_stopping_while_it_starts_leaves_no_process() -> None:
    box = Box()
    box.compiling.start()
    await asyncio.sleep(0)
    await box.compiling.stop()
