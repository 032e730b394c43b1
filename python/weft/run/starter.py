"""Starts workloads in their order, and waits until each is in the mesh and ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from weft.run.binary import proxy_path
from weft.run.children import Child, died, start
from weft.run.controller import LOOK_EVERY_S, Failed
from weft.run.display import Display
from weft.run.order import startable
from weft.run.prepare import prepare
from weft.run.readiness import waiting
from weft.run.spec import START_TIMEOUT_MS, ControllerPlace, Spec

if TYPE_CHECKING:
    from weft.client.types import Workload

Saw: TypeAlias = "Callable[[Sequence[Workload]], object]"

# The supervisor gives an app its start timeout and says so itself; this is for everything around it.
WORKLOADS_START_S = 90.0
# Who looks at a screen on which nothing happens for longer wants to know what it waits for.
PATIENCE_S = 5.0
# Of a supervisor, about an app (crates/proxy/src/supervise/plan/app.rs).
NO_LISTENER = "the app does not listen on"
# After its own drain time a supervisor needs a moment to stop app and proxy.
GRACE_S = 10.0


class Registry(Protocol):
    """Who knows which workloads are in the mesh: the controller or, far from it, their own proxies."""

    def workloads(self) -> Sequence[Workload]: ...


class Starter:
    """`children` is the caller's: who was started stands there. `note` is told of each."""

    # Set before the first start. `place`: how a workload finds the controller.
    place: Callable[[Spec], ControllerPlace]
    root: Path

    def __init__(
        self,
        display: Display,
        children: dict[str, Child],
        stopping: Callable[[], bool],
        note: Callable[[Child, float], None],
    ) -> None:
        self._display = display
        self._children = children
        self._stopping = stopping
        self._note = note
        # App ports given to others before.
        self._taken: set[int] = set()
        self._commands: dict[str, tuple[str, ...]] = {}

    async def bring(self, mesh: Registry, specs: Sequence[Spec], saw: Saw = lambda workloads: None) -> None:
        """Until all of `specs` are ready, or it is to stop; raises `Failed` for the first that ends badly.

        `saw` is told what the mesh has, each time that it was asked.
        """
        started, began, told = time.monotonic(), time.monotonic(), False
        unready = {spec.key for spec in specs}
        pending = await self._start(specs, specs, {})
        while not self._stopping():
            for spec in specs:
                await self._still_running(spec, unready)
            # A job may be over before anybody saw it ready.
            begun = [spec for spec in specs if spec not in pending]
            present = [spec for spec in begun if self._children[spec.name].running]
            workloads = await asyncio.to_thread(mesh.workloads)
            saw(workloads)
            left = waiting(present, workloads)
            for key in unready & {spec.key for spec in present} - left.keys():
                self._display.step(f"{_name(key)} ready after {time.monotonic() - started:.1f} s")
            # Who was ready once is not announced again.
            unready -= {spec.key for spec in begun} - left.keys()
            if not left and not pending:
                return
            if not told and time.monotonic() > began + PATIENCE_S:
                told = True
                self._tell(left, pending)
            before, pending = pending, await self._start(specs, pending, left)
            if len(pending) < len(before):
                began = time.monotonic()  # each wave has the time that the first one has
            elif time.monotonic() > began + _allowed_s(present):
                raise self._late(left)
            await asyncio.sleep(LOOK_EVERY_S)

    def advice(self, child: Child) -> str:
        above = "its last lines are above"
        command = self._commands.get(child.name)
        if command is None:
            return above
        if any(NO_LISTENER in line for line in child.tail):
            return f"{above}; let it listen on its PORT, or say where it does: `listen: 8000` beside its port"
        # "sh -c '…'", also behind env or nice, has its shell.
        if any("$" in word for word in command) and "-c" not in command:
            return f"{above}; its command goes to no shell, so $ stays as it is: write sh -c '…' around it"
        return f"{above}; try its command alone, with PORT set, or change `run` of {child.name}"

    async def _start(self, specs: Sequence[Spec], pending: Sequence[Spec], left: Mapping[str, str]) -> list[Spec]:
        """Those whose turn it is; returns the others. `left`: who is not ready. Who is none of `specs` was before."""
        waits = {spec.name for spec in pending}
        turn = startable(pending, self._children.keys() - waits, {_name(key) for key in left})
        for spec in turn:
            if self._stopping():
                break
            path = prepare(spec, self.place(spec), self.root, self._taken)
            child = await start(spec.name, [str(proxy_path()), "supervise", "--launch", str(path)], self._display.line)
            self._children[spec.name] = child
            if spec.command:
                self._commands[spec.name] = spec.command.arguments
            self._note(child, grace_s(spec))
        return [spec for spec in pending if spec not in turn]

    async def _still_running(self, spec: Spec, unready: Set[str]) -> None:
        """A job that ends well may end; everything else that ends before all are ready is a failed start."""
        child = self._children.get(spec.name)
        if child is None or child.running or child.stopping:
            return
        if child.process.returncode != 0:
            status = await child.wait()
            raise Failed(died(child.name, status), self.advice(child), tuple(child.tail))
        if spec.ports and spec.key in unready:
            await child.wait()
            hint = "what has a port stays in the foreground, without & or --daemon; a job has none"
            raise Failed(f"{child.name} ended well, and served nobody", hint, tuple(child.tail))

    def _late(self, left: Mapping[str, str]) -> Failed:
        key, reason = next(iter(left.items()))
        child = self._children[_name(key)]
        return Failed(f"{child.name} {reason}, after {WORKLOADS_START_S:.0f} s", self.advice(child), tuple(child.tail))

    def _tell(self, left: Mapping[str, str], pending: Iterable[Spec]) -> None:
        for key, reason in left.items():
            self._display.message(f"still waiting: {_name(key)} {reason}")
        for spec in pending:
            self._display.message(f"still waiting: {spec.name} starts after {', '.join(spec.after)}")


def grace_s(spec: Spec) -> float:
    """How long it may take to end."""
    return spec.drain_ms / 1000 + GRACE_S


def _allowed_s(specs: Iterable[Spec]) -> float:
    """Who was given more time than usual to start has it here, too."""
    more = (spec.command.start_timeout_ms - START_TIMEOUT_MS for spec in specs if spec.command)
    return WORKLOADS_START_S + max([0, *more]) / 1000


def _name(key: str) -> str:
    return key.partition("/")[2]
