"""The compiler's process as the controller sees it: changes in, the program out, restarted when it dies.

Changes pile up while a compile is under way and go together into the next one. The parent keeps all that the process
was told, so that a new one is told everything again; what was compiled last stays in force meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from weft.compiler.model import Discovered, Status, WorkloadInfo
from weft.controller import frames
from weft.controller.topics import Entry, Topics
from weft.controller.worker import Done, Item, Update
from weft.resources.ref import Ref

log = logging.getLogger("weft.controller.compiling")

COMMAND: Final = (sys.executable, "-P", "-m", "weft.controller.worker_main")
# After a crash; doubled for each that follows before a compile has succeeded. What crashed it is probably still there.
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 30.0
# A question from a person; a compile from cold that stands before it takes up to ten seconds.
ANSWER_TIMEOUT_S: Final = 25.0


class CompilerGone(Exception):
    """The compiler's process died or does not answer."""

    hint = "it is started again by itself; try again in a moment, and look into the controller's log"


@dataclass(slots=True)
class _Pending:
    puts: dict[Ref, Item] = field(default_factory=dict)
    drops: set[Ref] = field(default_factory=set)
    workloads: dict[str, WorkloadInfo] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    discovered: dict[str, tuple[Discovered, ...]] = field(default_factory=dict)


class _Process:
    """One life of the process: requests are answered in order, each with parts and an end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[Callable[[Any], None], asyncio.Future[None]]] = {}
        # Why nobody reads its answers any more.
        self._over = ""
        self._reader = asyncio.create_task(self._read())

    async def ask(self, operation: str, argument: Any, part: Callable[[Any], None]) -> None:
        if self._over:
            raise CompilerGone(self._over)
        number, ended = next(self._numbers), asyncio.get_running_loop().create_future()
        self._waiting[number] = (part, ended)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(frames.encode((number, operation, argument)))
            await self.process.stdin.drain()
            await ended
        except RecursionError:
            raise
        except (ConnectionError, RuntimeError) as error:
            raise CompilerGone("the compiler's process has ended") from error
        finally:
            self._waiting.pop(number, None)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        why = "the compiler's process has ended"
        try:
            while True:
                self._answered(*await frames.read_async(self.process.stdout))
        except EOFError:
            pass
        except Exception as error:
            why = f"the compiler's process cannot be understood: {type(error).__name__}: {error}"
        self._over = why
        for _, ended in self._waiting.values():
            if not ended.done():
                ended.set_exception(CompilerGone(why))

    def _answered(self, number: int, state: str, value: Any) -> None:
        part, ended = self._waiting.get(number, (None, None))
        if part is None or ended is None or ended.done():
            return
        if state == "part":
            part(value)
        elif state == "end":
            ended.set_result(None)
        else:
            log.error("the compiler failed:\n%s", value)
            ended.set_exception(CompilerGone(f"the compiler failed: {str(value).strip().rpartition(chr(10))[2]}"))

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
            # What it had not read yet cannot be told any more.
            with suppress(ConnectionError):
                await self.process.stdin.wait_closed()
        await self._reader


class Compiling:
    """`on_program` is called after each update with the statuses that changed."""

    def __init__(
        self,
        topics: Topics,
        trust_domain: str,
        roots: Sequence[bytes],
        on_program: Callable[[Mapping[Ref, Status], Iterable[Ref]], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.revision = 0
        # Why nothing is compiled at present, for health; "" while all is well.
        self.trouble = ""
        self._topics, self._on_program, self._command = topics, on_program, command
        self._held = self._compiled = False
        self._identity = (trust_domain, tuple(roots))
        self._items: dict[Ref, Item] = {}
        self._workloads: dict[str, WorkloadInfo] = {}
        self._discovered: dict[str, tuple[Discovered, ...]] = {}
        self._wanted_revision = 0
        self._pending = _Pending()
        self._changed = asyncio.Event()
        # Has a value while a process lives.
        self._alive: asyncio.Future[_Process] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._changed.set()
        self._task = asyncio.create_task(self._live())

    def hold(self) -> None:
        """Compile, but let no proxy have anything of it until `release`."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self._topics.ready = self._topics.ready or self._compiled

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    # ------------------------------------------------------------------------------------------------------- changes

    def set_resources(self, revision: int, puts: Iterable[Item], drops: Iterable[Ref] = ()) -> None:
        self._wanted_revision = max(self._wanted_revision, revision)
        for item in puts:
            self._items[item.ref] = self._pending.puts[item.ref] = item
            self._pending.drops.discard(item.ref)
        for ref in drops:
            self._items.pop(ref, None)
            self._pending.puts.pop(ref, None)
            self._pending.drops.add(ref)
        self._changed.set()

    def set_workloads(self, present: Iterable[WorkloadInfo], gone: Iterable[str] = ()) -> None:
        for workload in present:
            self._workloads[workload.name] = self._pending.workloads[workload.name] = workload
            self._pending.gone.discard(workload.name)
        for name in gone:
            self._workloads.pop(name, None)
            self._pending.workloads.pop(name, None)
            self._pending.gone.add(name)
        self._changed.set()

    def set_discovered(self, found: Mapping[str, tuple[Discovered, ...]]) -> None:
        """By service, complete for each; () where nothing is left."""
        for name, endpoints in found.items():
            self._pending.discovered[name] = endpoints
            if endpoints:
                self._discovered[name] = endpoints
            else:
                self._discovered.pop(name, None)
        self._changed.set()

    async def ask(self, operation: str, argument: Any, timeout_s: float | None = None) -> Any:
        """A question that changes nothing: "check", "enforced", "explain"."""
        answers: list[Any] = []
        patience = ANSWER_TIMEOUT_S if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(patience):
                process = await self._alive
                await process.ask(operation, argument, answers.append)
        except TimeoutError as error:
            why = self.trouble or "it is busy, or does not start"
            raise CompilerGone(f"the compiler did not answer within {patience:.0f} s: {why}") from error
        return answers[0]

    # ------------------------------------------------------------------------------------------------------- process

    async def _live(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            before = self.revision, self._topics.ready
            try:
                await self._one_life()
            except CompilerGone as error:
                self.trouble = str(error)
                log.error("%s; what was compiled last stays in force, it is started again in %g s", error, pause)
            await asyncio.sleep(pause)
            progressed = before != (self.revision, self._topics.ready)
            pause = FIRST_PAUSE_S if progressed else min(2 * pause, LONGEST_PAUSE_S)

    async def _one_life(self) -> None:
        process = await _start(self._command)
        self._alive.set_result(process)
        try:
            await self._compile(process, self._everything(), whole=True)
            while True:
                await self._changed.wait()
                await self._compile(process, self._take(), whole=False)
        finally:
            self._alive = asyncio.get_running_loop().create_future()
            await _uncancelled(process.end())

    async def _compile(self, process: _Process, update: Update, *, whole: bool) -> None:
        entries: list[Entry] = []
        done: list[Done] = []

        def part(value: Any) -> None:
            if isinstance(value, Done):
                done.append(value)
            else:
                entries.extend(value)

        await process.ask("update", update, part)
        if whole:
            self._topics.replace(entries)
        else:
            self._topics.update(entries, done[0].removed)
        self.revision, self.trouble, self._compiled = update.revision, "", True
        self._topics.ready = not self._held
        self._on_program(done[0].statuses, update.drops)

    def _everything(self) -> Update:
        self._pending = _Pending()
        self._changed.clear()
        return Update(
            self._wanted_revision,
            tuple(self._items.values()),
            workloads=tuple(self._workloads.values()),
            trust_domain=self._identity[0],
            roots=self._identity[1],
            discovered=dict(self._discovered),
        )

    def _take(self) -> Update:
        pending, self._pending = self._pending, _Pending()
        self._changed.clear()
        return Update(
            self._wanted_revision,
            tuple(pending.puts.values()),
            tuple(pending.drops),
            tuple(pending.workloads.values()),
            tuple(pending.gone),
            self._identity[0],
            self._identity[1],
            pending.discovered,
        )


async def _start(command: Sequence[str]) -> _Process:
    # A session of its own: Ctrl-C is for the controller, which ends its compiler by closing the pipe.
    pipe = asyncio.subprocess.PIPE
    started: list[_Process] = []

    async def start() -> None:
        started.append(
            _Process(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True))
        )

    try:
        await _uncancelled(start())
    except asyncio.CancelledError:
        # The end of the whole loop cancels `start` as well: then there is none.
        for process in started:
            await _uncancelled(process.end())
        raise
    return started[0]


async def _uncancelled(work: Coroutine[Any, Any, None]) -> None:
    """`work` to its end, also when we are told to stop meanwhile: no process is left half started or half ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
