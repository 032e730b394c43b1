"""`weft up`: a controller, one supervisor per workload, their logs; and after Ctrl-C nothing of all that.

The order: controller, resources, workloads, edge. Backwards on the way out: the edge first, then callers before whom
they call, the controller last, the directory with all sockets and files at the very end.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from weft.client.errors import WeftError
from weft.client.rest import controller_address
from weft.mesh import Mesh
from weft.run import controller as own
from weft.run.answers import Answers, resources
from weft.run.binary import proxy_path
from weft.run.board import rows
from weft.run.children import Child, died
from weft.run.control import serving
from weft.run.controller import Failed
from weft.run.detach import READY
from weft.run.display import Display
from weft.run.fromfile import LOOPBACK, edge, elsewhere, places, specs
from weft.run.intent import Intent
from weft.run.lifeline import Lifeline
from weft.run.logfile import LogFile
from weft.run.loopback import Target
from weft.run.member import Member
from weft.run.order import stop_order
from weft.run.ports import refuse_taken, wanted
from weft.run.project import Project
from weft.run.spec import Spec
from weft.run.starter import GRACE_S, Registry, Starter, grace_s
from weft.run.state import run_directory

if TYPE_CHECKING:
    from weft.client.types import Workload
    from weft.resources import Expanded

# In the run's directory, whose name is short.
SOCKET = "up.sock"


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
    # Where other proxies reach the workloads.
    bind: str = LOOPBACK
    # This machine has joined the mesh of another: there is nothing to apply, and nobody to ask but its own proxies.
    member: Member | None = None
    # Kept; None: a temporary one.
    state_dir: Path | None = None
    # No terminal: `weft down` ends it.
    detached: bool = False
    # Where other commands find this run; None: they do not.
    project: Project | None = None
    # Folders that go when `weft up` is killed; else whoever made them takes them away.
    belongings: tuple[Path, ...] = ()


class Up:
    """One run."""

    # From `run` on.
    _lifeline: Lifeline

    def __init__(self, order: Order, display: Display) -> None:
        self.order = order
        self.member = order.member
        self._machine = order.member.machine if order.member else ""
        self.display = display
        self.children: dict[str, Child] = {}
        self.starter = Starter(display, self.children, lambda: self.stopping, self._note)
        self.controller: Child | None = None
        self.ready = asyncio.Event()
        self.intent = Intent(order.file, order.expanded, order.publish)
        self._stop = asyncio.Event()
        self._all_stopped = False
        self.answers = Answers(self)
        # Somebody was exchanged: there are other processes to wait for.
        self.changed = asyncio.Event()
        self.specs: list[Spec] = []
        self._started = time.monotonic()

    async def run(self) -> int:
        """Until Ctrl-C, or until nothing is left to run. The exit status."""
        proxy_path()
        with self._signals():
            self._lifeline = await Lifeline.open()
            try:
                return await self._run()
            finally:
                nobody = not self.children and self.controller is None
                await self._lifeline.close(orderly=self._all_stopped or nobody)

    async def _run(self) -> int:
        with run_directory(self.order.state_dir) as root:
            if self.order.state_dir is None:
                self._lifeline.directory(str(root))
            for folder in self.order.belongings:
                self._lifeline.directory(str(folder))
            async with self._known(root):
                try:
                    await self._start(root)
                    return await self._rest()
                finally:
                    await self._stop_all()

    @asynccontextmanager
    async def _known(self, root: Path) -> AsyncIterator[None]:
        """Other commands can find it, ask it, and read what it said."""
        project = self.order.project
        if project is None:
            yield
            return
        self._lifeline.directory(str(project.directory))
        project.open()
        log = self.display.log = LogFile(project.log, time.time)
        try:
            async with serving(root / SOCKET, self.answers.answer):
                project.note(self.url, root / SOCKET)
                yield
        finally:
            log.close()
            project.remove()

    def stop(self) -> None:
        """Ctrl-C: in peace; a second time: at once."""
        if self._stop.is_set():
            self.display.message("stopping at once")
            for child in [*self.children.values(), *([self.controller] if self.controller else [])]:
                child.kill()
        self._stop.set()

    @property
    def _here(self) -> Expanded:
        """What of the file runs on this machine."""
        return self.order.expanded.on(self._machine)

    @property
    def url(self) -> str:
        """Of the controller's REST; empty: it is on another machine."""
        return "" if self.member else self.order.controller or f"http://{self.order.rest_address}"

    def mesh(self) -> AbstractContextManager[Mesh | Member]:
        """Who is asked about workloads and services."""
        return nullcontext(self.member) if self.member else Mesh.connect(self.url)

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    # -------------------------------------------------------------------------------------------------- start

    async def _start(self, root: Path) -> None:
        if self.member is not None:
            await self._start_member(self.member)
            return
        fixed = wanted(self._here, self.order.publish)
        if self.order.controller is None:
            # The address of REST is looked at by `launch`: a controller there may be the one that is meant.
            refuse_taken({**fixed, self.order.grpc_address: "the controller (--grpc-address)"})
        address = self.order.controller or await self._start_controller(root / own.NAME)
        with Mesh.connect(address) as mesh:
            place = await own.place(mesh)
            self.starter.place, self.starter.root = (lambda _: place), root
            present = {w.name for w in await asyncio.to_thread(mesh.workloads) if w.lease == "attached"}
            self.refuse_second(present, address)
            if self.order.controller is not None:
                refuse_taken(fixed)
            await asyncio.to_thread(self._apply, mesh)
            self.specs = await self.planned(mesh, present)
            await self._bring(mesh)
            if not self.stopping:
                self._announce()

    async def _bring(self, mesh: Registry) -> None:
        """All of them, with the table of how far they are."""
        seen: Sequence[Workload] = ()

        def saw(workloads: Sequence[Workload]) -> None:
            nonlocal seen
            seen = workloads
            self.display.table(rows(self.specs, self.children, seen, self.part))

        try:
            await self.starter.bring(mesh, self.specs, saw)
        finally:
            self.display.end_table(rows(self.specs, self.children, seen, self.part))

    async def _start_member(self, member: Member) -> None:
        self.display.message(f"machine {member.machine} of the mesh at {member.token.controller}")
        refuse_taken(wanted(self._here, {}))
        self.starter.place, self.starter.root = member.place, member.root
        self.specs = await self.planned(member, set())
        if warning := await asyncio.to_thread(member.check):
            self.display.message(warning)
        member.keep()
        await self._bring(member)
        if not self.stopping:
            self._announce()

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

    def part(self, spec: Spec) -> str:
        """What it is a process of, as the file calls it."""
        return next((plan.part for plan in self.order.expanded.workloads if plan.name == spec.name), spec.name)

    def refuse_second(self, present: Set[str], address: str) -> None:
        """Two of one name would take each other's place, again and again."""
        for plan in self._here.workloads:
            if f"{plan.namespace}/{plan.name}" in present:
                hint = f"stop it first, or give {self.order.file.name} a namespace of its own"
                raise Failed(f"{plan.name} is running already in the mesh of {address}", hint)

    def _note(self, child: Child, grace_s: float) -> None:
        self._lifeline.workload(child, grace_s)

    async def planned(self, mesh: Mesh | Member, present: Set[str]) -> list[Spec]:
        order = self.order
        ports = {s.name: [p.port for p in s.ports] for s in await asyncio.to_thread(mesh.services)}
        planned = specs(self._here, order.file.absolute().parent, ports, order.bind)
        if self.member is not None:
            return self.member.planned(planned)
        if not order.publish:
            return planned
        return [*planned, edge(order.expanded.edge, _namespace(order.expanded), order.publish, present)]

    def _apply(self, mesh: Mesh) -> None:
        self.display.message(f"{resources(self.intent.apply(mesh))} applied")

    def _announce(self) -> None:
        self.ready.set()
        for place in places(self.order.expanded, self.order.publish):
            self.display.message(place)
        if self.member is None:
            self.display.message(f"dashboard at {self.url}/")
            for machine in elsewhere(self.order.expanded):
                self.display.message(machine)
        self.display.message(READY if self.order.detached else "all ready; Ctrl-C stops everything")

    # --------------------------------------------------------------------------------------------------- rest

    async def _rest(self) -> int:
        """Says who ends; returns when everything has, or on a signal. Who ends badly by itself makes it a failure."""
        failed = False
        told: set[Child] = set()
        # Others are served by its controller, whatever has ended here.
        lasting = self.member is None and bool(self.order.expanded.machines)
        while not self.stopping:
            left = [child for child in self.children.values() if child not in told]
            if not left and not self.answers.busy and not lasting:
                return 1 if failed else 0
            for child in await self._ended([*left, *([self.controller] if self.controller else [])]):
                told.add(child)
                status = await child.wait()
                self._report(child, status)
                failed = failed or (status != 0 and not child.stopping)
                if child is self.controller:
                    return 1
        return 0

    async def _ended(self, children: Sequence[Child]) -> list[Child]:
        """Who of them has ended, once somebody has; nobody when there is something else to look at."""
        waits = {asyncio.create_task(child.wait()): child for child in children}
        others = [asyncio.create_task(event.wait()) for event in (self._stop, self.changed)]
        done, left = await asyncio.wait([*others, *waits], return_when=asyncio.FIRST_COMPLETED)
        self.changed.clear()
        for task in left:
            task.cancel()
        return [child for task, child in waits.items() if task in done]

    def _report(self, child: Child, status: int) -> None:
        if child.stopping:
            return
        if status == 0:
            self.display.message(f"{child.name} ended")
            return
        self.display.message(died(child.name, status))
        for line in child.tail:
            self.display.message(f"  {line}")
        self.display.message(f"hint: {self.starter.advice(child)}")

    # --------------------------------------------------------------------------------------------------- stop

    async def _stop_all(self) -> None:
        if any(child.running for child in self.children.values()):
            self.display.message("stopping")
        for group in stop_order(self.specs):
            members = [(self.children[spec.name], spec) for spec in group if spec.name in self.children]
            await asyncio.gather(*(child.stop(grace_s(spec)) for child, spec in members))
        if self.order.controller and not self.order.keep:
            await asyncio.to_thread(self._withdraw, self.order.controller)
        if self.controller is not None:
            await self.controller.stop(GRACE_S)
        self._all_stopped = True

    def _withdraw(self, address: str) -> None:
        try:
            with Mesh.connect(address) as mesh:
                removed = self.intent.withdraw(mesh)
        except WeftError as error:
            self.display.message(f"its resources stay in the mesh of {address}: {error.message}")
            return
        if removed:
            self.display.message(f"{resources(removed)} removed")

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


def _namespace(expanded: Expanded) -> str:
    return next((plan.namespace for plan in expanded.workloads), "default")
