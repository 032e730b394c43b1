"""`weft up`: a controller, one supervisor per workload, their logs; and after Ctrl-C nothing of all that.

The order: controller, resources, workloads, edge. Backwards on the way out: the edge first, then callers before whom
they call, the controller last, the directory with all sockets and files at the very end.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from weft.client.errors import WeftError
from weft.client.rest import controller_address
from weft.mesh import Mesh
from weft.run import controller as own
from weft.run.binary import proxy_path
from weft.run.children import Child, died, start
from weft.run.controller import LOOK_EVERY_S, Failed
from weft.run.display import Display
from weft.run.fromfile import edge, places, specs
from weft.run.intent import Intent
from weft.run.lifeline import Lifeline
from weft.run.loopback import Target
from weft.run.order import startable, stop_order
from weft.run.ports import refuse_taken, wanted
from weft.run.prepare import prepare
from weft.run.readiness import waiting
from weft.run.spec import START_TIMEOUT_MS, ControllerPlace, Spec
from weft.run.state import run_directory

if TYPE_CHECKING:
    from weft.resources import Expanded

# The supervisor gives an app its start timeout and says so itself; this is for everything around it.
WORKLOADS_START_S = 90.0
# Who looks at a screen on which nothing happens for longer wants to know what it waits for.
PATIENCE_S = 5.0
# After its own drain time a supervisor needs a moment to stop app and proxy.
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Order:
    """What `weft up` was asked for."""

    file: Path
    expanded: Expanded
    # Local address to what it leads to.
    publish: Mapping[str, Target] = field(default_factory=dict)
    # Use this one instead of starting one.
    controller: str | None = None
    # Leave the resources in the mesh of `controller`.
    keep: bool = False
    rest_address: str = "127.0.0.1:15080"
    grpc_address: str = "127.0.0.1:15010"
    # Kept; None: a temporary one.
    state_dir: Path | None = None
    # Ends the run as Ctrl-C does, once everything is ready: for tests and demos.
    until: asyncio.Event | None = None


class Up:
    """One run."""

    # From `run` on.
    _lifeline: Lifeline

    def __init__(self, order: Order, display: Display) -> None:
        self.order = order
        self.display = display
        self.children: dict[str, Child] = {}
        self.controller: Child | None = None
        self.ready = asyncio.Event()
        self._intent = Intent(order.file, order.expanded, order.publish)
        self._stop = asyncio.Event()
        self._all_stopped = False
        self._specs: list[Spec] = []
        self._started = time.monotonic()

    async def run(self) -> int:
        """Until Ctrl-C, or until nothing is left to run. The exit status."""
        proxy_path()
        with self._signals():
            self._lifeline = await Lifeline.open()
            try:
                return await self._run()
            finally:
                await self._lifeline.close(orderly=self._all_stopped)

    async def _run(self) -> int:
        with run_directory(self.order.state_dir) as root:
            if self.order.state_dir is None:
                self._lifeline.directory(str(root))
            try:
                await self._start(root)
                return await self._rest()
            finally:
                await self._stop_all()

    def stop(self) -> None:
        """Ctrl-C: in peace; a second time: at once."""
        if self._stop.is_set():
            self.display.message("stopping at once")
            for child in [*self.children.values(), *([self.controller] if self.controller else [])]:
                child.kill()
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    # -------------------------------------------------------------------------------------------------- start

    async def _start(self, root: Path) -> None:
        fixed = wanted(self.order.expanded, self.order.publish)
        if self.order.controller is None:
            # The address of REST is looked at by `launch`: a controller there may be the one that is meant.
            refuse_taken({**fixed, self.order.grpc_address: "the controller (--grpc-address)"})
        address = self.order.controller or await self._start_controller(root / own.NAME)
        with Mesh.connect(address) as mesh:
            place = await own.place(mesh)
            present = {w.name for w in await asyncio.to_thread(mesh.workloads) if w.lease == "attached"}
            self._refuse_second(present, address)
            if self.order.controller is not None:
                refuse_taken(fixed)
            await asyncio.to_thread(self._apply, mesh)
            ports = {s.name: [p.port for p in s.ports] for s in await asyncio.to_thread(mesh.services)}
            self._specs = specs(self.order.expanded, self.order.file.absolute().parent, ports)
            if self.order.publish:
                self._specs.append(edge(_namespace(self.order.expanded), self.order.publish, present))
            await self._all_ready(mesh, _Starter(self, place, root))

    async def _start_controller(self, directory: Path) -> str:
        order = self.order
        self.controller = await own.launch(directory, order.rest_address, order.grpc_address, self.display.line)
        self._lifeline.controller(self.controller, GRACE_S)
        await own.listening(self.controller, directory)
        address = f"http://{order.rest_address}"
        self.display.message(f"controller ready at {address}")
        if controller_address() != address:
            self.display.message(f"hint: for other commands: export WEFT_CONTROLLER={address}")
        return address

    def _refuse_second(self, present: Set[str], address: str) -> None:
        """Two of one name would take each other's place, again and again."""
        for plan in self.order.expanded.workloads:
            if f"{plan.namespace}/{plan.name}" in present:
                hint = f"stop it first, or give {self.order.file.name} a namespace of its own"
                raise Failed(f"{plan.name} is running already in the mesh of {address}", hint)

    def _apply(self, mesh: Mesh) -> None:
        self.display.message(f"{_resources(self._intent.apply(mesh))} applied")

    async def spawn(self, spec: Spec, command: list[str]) -> None:
        child = self.children[spec.name] = await start(spec.name, command, self.display.line)
        self._lifeline.workload(child, _grace_s(spec))

    async def _all_ready(self, mesh: Mesh, starter: _Starter) -> None:
        unready = {spec.key for spec in self._specs}
        began, told = time.monotonic(), False
        pending = await starter.start(self._specs, {})
        while not self._stop.is_set():
            for child in self.children.values():
                await self._still_running(child)
            # A job may be over before anybody saw it ready.
            present = [spec for spec in self._specs if spec.name in self.children and self.children[spec.name].running]
            left = waiting(present, await asyncio.to_thread(mesh.workloads))
            for key in unready & {spec.key for spec in present} - left.keys():
                self.display.message(f"{_name(key)} ready after {time.monotonic() - self._started:.1f} s")
            # Who was ready once is not announced again.
            unready -= {spec.key for spec in self._specs if spec.name in self.children} - left.keys()
            if not left and not pending:
                self._announce()
                return
            if not told and time.monotonic() > began + PATIENCE_S:
                told = True
                self._tell(left, pending)
            before, pending = pending, await starter.start(pending, left)
            if len(pending) < len(before):
                began = time.monotonic()  # each wave has the time that the first one has
            elif time.monotonic() > began + self._patience_s(present):
                raise self._late(left)
            await asyncio.sleep(LOOK_EVERY_S)

    def _tell(self, left: Mapping[str, str], pending: Iterable[Spec]) -> None:
        for key, reason in left.items():
            self.display.message(f"still waiting: {_name(key)} {reason}")
        for spec in pending:
            self.display.message(f"still waiting: {spec.name} starts after {', '.join(spec.after)}")

    def _patience_s(self, specs: Iterable[Spec]) -> float:
        """Who was given more time than usual to start has it here, too."""
        more = (spec.command.start_timeout_ms - START_TIMEOUT_MS for spec in specs if spec.command)
        return WORKLOADS_START_S + max([0, *more]) / 1000

    async def _still_running(self, child: Child) -> None:
        """A job that ends well may end; everything else that ends before all are ready is a failed start."""
        if child.running or child.process.returncode == 0:
            return
        status = await child.wait()
        raise Failed(died(child.name, status), self._advice(child), _tail(child))

    def _late(self, left: Mapping[str, str]) -> Failed:
        key, reason = next(iter(left.items()))
        child = self.children[_name(key)]
        return Failed(f"{child.name} {reason}, after {WORKLOADS_START_S:.0f} s", self._advice(child), _tail(child))

    def _announce(self) -> None:
        self.ready.set()
        for place in places(self.order.expanded, self.order.publish):
            self.display.message(place)
        self.display.message("all ready; Ctrl-C stops everything")

    # --------------------------------------------------------------------------------------------------- rest

    async def _rest(self) -> int:
        """Says who ends; returns when everything has, or on a signal. Who ends badly by itself makes it a failure."""
        stopped = asyncio.create_task(self._stop.wait())
        waits = {asyncio.create_task(child.wait()): child for child in self.children.values()}
        if self.controller is not None:
            waits[asyncio.create_task(self.controller.wait())] = self.controller
        failed = False
        try:
            while len(waits) > (self.controller is not None) and not self._stop.is_set():
                done, _ = await asyncio.wait([stopped, *waits], return_when=asyncio.FIRST_COMPLETED)
                for task in done - {stopped}:
                    child = waits.pop(task)
                    self._report(child, task.result())
                    failed = failed or task.result() != 0
                    if child is self.controller:
                        return 1
            return 1 if failed and not self._stop.is_set() else 0
        finally:
            for task in [stopped, *waits]:
                task.cancel()

    def _report(self, child: Child, status: int) -> None:
        if child.stopping:
            return
        if status == 0:
            self.display.message(f"{child.name} ended")
            return
        self.display.message(died(child.name, status))
        for line in child.tail:
            self.display.message(f"  {line}")
        self.display.message(f"hint: {self._advice(child)}")

    def _advice(self, child: Child) -> str:
        above = "its last lines are above"
        command = next((spec.command for spec in self._specs if spec.name == child.name), None)
        if command is None:
            return above
        if any("$" in word for word in command.arguments):
            return f"{above}; its command goes to no shell, so $ stays as it is: write sh -c '…' around it"
        return f"{above}; try its command alone, with PORT set, or change `run` of {child.name}"

    # --------------------------------------------------------------------------------------------------- stop

    async def _stop_all(self) -> None:
        if any(child.running for child in self.children.values()):
            self.display.message("stopping")
        for group in stop_order(self._specs):
            members = [(self.children[spec.name], spec) for spec in group if spec.name in self.children]
            await asyncio.gather(*(child.stop(_grace_s(spec)) for child, spec in members))
        if self.order.controller and not self.order.keep:
            await asyncio.to_thread(self._withdraw, self.order.controller)
        if self.controller is not None:
            await self.controller.stop(GRACE_S)
        self._all_stopped = True

    def _withdraw(self, address: str) -> None:
        try:
            with Mesh.connect(address) as mesh:
                removed = self._intent.withdraw(mesh)
        except WeftError as error:
            self.display.message(f"its resources stay in the mesh of {address}: {error.message}")
            return
        if removed:
            self.display.message(f"{_resources(removed)} removed")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)


class _Starter:
    """Starts workloads when their turn has come."""

    def __init__(self, up: Up, place: ControllerPlace, root: Path) -> None:
        self._up = up
        self._place = place
        self._root = root
        # App ports given to others a moment ago.
        self._taken: set[int] = set()

    async def start(self, pending: Sequence[Spec], left: Mapping[str, str]) -> list[Spec]:
        """Those whose turn it is; returns the others. `left`: who is not ready."""
        turn = startable(pending, self._up.children.keys(), {_name(key) for key in left})
        for spec in turn:
            if self._up.stopping:
                break
            path = prepare(spec, self._place, self._root, self._taken)
            await self._up.spawn(spec, [str(proxy_path()), "supervise", "--launch", str(path)])
        return [spec for spec in pending if spec not in turn]


def _name(key: str) -> str:
    return key.partition("/")[2]


def _namespace(expanded: Expanded) -> str:
    return next((plan.namespace for plan in expanded.workloads), "default")


def _resources(number: int) -> str:
    return f"{number} resource{'s' if number != 1 else ''}"


def _grace_s(spec: Spec) -> float:
    return spec.drain_ms / 1000 + GRACE_S


def _tail(child: Child) -> tuple[str, ...]:
    return tuple(child.tail)
