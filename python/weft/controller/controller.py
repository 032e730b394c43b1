"""One controller: its parts, and how they are joined.

REST ─► intent ─► store                              proxies
            │                                          │ Attach            │ DeltaAggregatedResources
            ▼                                          ▼                   ▲
        compiling (a process of its own) ◄─ world ─ registry, discovery delivery
            │                                                              ▲
            └──────────────────────► topics ───────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from weft.compiler.model import Status, WorkloadInfo
from weft.controller.clock import Clock, RealClock
from weft.controller.compiling import COMMAND, Compiling
from weft.controller.delivery import Delivery
from weft.controller.grpc_server import GrpcServers
from weft.controller.intent import Intent
from weft.controller.leases import Leases
from weft.controller.options import Address, Options
from weft.controller.registration import RegistrationService
from weft.controller.registry import Registry
from weft.controller.reporters import Reporters
from weft.controller.rest import build_app
from weft.controller.rest_server import RestServer
from weft.controller.signing import IdentityService
from weft.controller.statedir import StateDir
from weft.controller.tapping import TapService
from weft.controller.telemetry import TelemetryService
from weft.controller.topics import Topics
from weft.discovery import Discovery
from weft.discovery.make import maker
from weft.discovery.probe import Probe
from weft.identity.authority import Authority
from weft.identity.server import ServerIdentity
from weft.identity.signer import Signer
from weft.observe.edges import EdgeBook
from weft.observe.events import EventRing
from weft.observe.refusals import EVERY_S as REFUSALS_EVERY_S
from weft.observe.refusals import Refusals
from weft.observe.rules import RuleBook
from weft.observe.taps import TapBook
from weft.resources.ref import Ref
from weft.store.store import Store

log = logging.getLogger("weft.controller")

T = TypeVar("T")

# Streams are told to go and reconnect elsewhere (or here, soon); they have nothing to finish.
GRPC_GRACE_S = 0.5
FORGET_EDGES_EVERY_S = 60.0
# Renewal of the root is a plan, not an afternoon.
ROOT_WARNING_S = 90 * 86_400.0
# After a restore: longer than any proxy waits before it tries again (15 s, crates/proxy/src/control/backoff.rs). Until
# then proxies say who they are and are told nothing, or they would be told that what has joined since does not exist.
SETTLE_S = 20.0


class Controller:
    """`start`, then `stop`. Everything is public: REST reads it."""

    def __init__(self, options: Options, clock: Clock | None = None, compiler: Sequence[str] = COMMAND) -> None:
        self.options = options.check()
        self.clock: Clock = clock or RealClock()
        self.started_at = self.clock.time()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # Undone in reverse, also when the next step fails.
        with contextlib.ExitStack() as undo:
            self.state = StateDir(options.state_dir)
            undo.callback(self.state.close)
            now = datetime.datetime.fromtimestamp(self.clock.time(), datetime.UTC)
            self.authority = Authority.open(self.state.ca, now, options.trust_domain)
            self.store = Store(self.state.store, self.clock.time)
            undo.callback(self.store.close)
            self.signer = Signer(self.authority, self.store, self.clock.time, options.svid_ttl_s)
            self._make_parts(compiler)
            self._make_servers()
            self._close_files = undo.pop_all().close

    def _make_parts(self, compiler: Sequence[str]) -> None:
        options, trust_domain = self.options, self.authority.trust_domain
        self.events = EventRing(self.clock.time)
        self.edges, self.rules, self.taps = EdgeBook(), RuleBook(), TapBook()
        self.refusals = Refusals(self.events, self.edges.reasons)
        self.edges.on_growth = self.refusals.see
        self.topics = Topics()
        self.statuses: dict[Ref, Status] = {}
        self.compiling = Compiling(self.topics, trust_domain, self.authority.roots, self._compiled, compiler)
        self.discovery = Discovery(
            self.state.discovered, maker(), Probe(), self.clock, self.events, self.compiling.set_discovered
        )
        self.intent = Intent(self.store, self.compiling, self.events, self.discovery.set_service)
        leases = Leases(options.lease_unhealthy_s, options.lease_removed_s)
        self.registry = Registry(leases, self.store, self.clock, self._world_changed)
        self.delivery = Delivery(self.topics, self.registry, self.store, self.events, self.clock, trust_domain)

    def _make_servers(self) -> None:
        trust_domain = self.authority.trust_domain
        self.server_identity = ServerIdentity(self.authority, self._names(), self.clock.time)
        self.rest = RestServer(Address.parse(self.options.rest_address, "--rest-address"))
        reporters = Reporters(self.registry, self.intent.services)
        self.grpc = GrpcServers(
            IdentityService(self.signer, self.store, self.events),
            RegistrationService(self.registry, self.intent.services, self.store, self.events, self.clock, trust_domain),
            TelemetryService(
                self.edges,
                self.rules,
                self.events,
                reporters,
                self.store,
                self.clock,
                trust_domain,
            ),
            TapService(self.taps, reporters, self.store, self.clock, trust_domain),
            self.delivery,
        )

    async def start(self) -> None:
        """Everything listens when this returns; the first program follows as soon as it is compiled."""
        await self.intent.load()
        # What does not come back while we listen has left since the backup.
        gone = max(0.0, self.options.lease_unhealthy_s - SETTLE_S) if self.store.restored else 0.0
        self.compiling.set_workloads(await self.registry.load(gone))
        if self.store.restored:
            self.compiling.hold()
        self.compiling.set_discovered(self.discovery.remembered())
        self.compiling.start()
        self.grpc.bind(Address.parse(self.options.grpc_address, "--grpc-address"), self.authority, self.server_identity)
        self.grpc.bind_unix(self.state.socket)
        await self.grpc.start()
        names = frozenset(self._names())
        await self.rest.start(build_app(self, self.state.rest_token(), names))
        works = (self.registry.run(), self.discovery.run(), self._forget_edges(), self._tell_refusals())
        self._tasks = [asyncio.create_task(work) for work in works]
        if self.store.restored:
            self._tasks.append(asyncio.create_task(self._settle()))
        log.info("trust domain %s, root %s", self.authority.trust_domain, self.authority.root_sha256)
        log.info("proxies: %s (joining: %s), %s", self.grpc_address, self.join_address, self.state.socket)
        log.info("REST: http://%s", self.rest.address)

    async def stop(self) -> None:
        """In order: nobody new, goodbye to streams, what is unsaved, the store."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rest.stop()
        # Leases are not lost by our own going: they are saved as they are, and so is what was discovered.
        await self.registry.save()
        await self.discovery.stop()
        await self.grpc.stop(GRPC_GRACE_S)
        await self.compiling.stop()
        self._close_files()

    async def until_stopped(self, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """`items`, which may be endless, up to the end of this controller."""
        stopping = asyncio.create_task(self._stopping.wait())
        following: asyncio.Future[T] | None = None
        try:
            while True:
                following = asyncio.ensure_future(anext(items))
                await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    return
                try:
                    item = following.result()
                except StopAsyncIteration:
                    return
                yield item
        finally:
            # Also when the reader has left in the middle of a wait: `items` hears of it now, not some day.
            stopping.cancel()
            if following is not None and not following.done():
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await following
            await items.aclose()

    async def wait_until(
        self, ready: Callable[[], bool], change: Callable[[], Awaitable[None]], seconds: float
    ) -> None:
        """Until `ready()`, which is asked at each `change()`; no longer than `seconds` and this controller's life."""
        stopping = asyncio.create_task(self._stopping.wait())
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while not ready() and not stopping.done():
                changed = asyncio.ensure_future(change())
                left = deadline - asyncio.get_running_loop().time()
                try:
                    await asyncio.wait({changed, stopping}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    over = not changed.done()
                    changed.cancel()
                if over:
                    return
        finally:
            stopping.cancel()

    # ---------------------------------------------------------------------------------------------------- addresses

    @property
    def grpc_address(self) -> Address:
        return self.grpc.address

    @property
    def join_address(self) -> Address:
        return self.grpc.join_address

    @property
    def advertised(self) -> Address:
        return Address.parse(self.options.advertise, "--advertise") if self.options.advertise else self.grpc_address

    @property
    def advertised_join(self) -> Address:
        advertised = self.advertised
        return Address(advertised.host, advertised.port + 1)

    def problems(self) -> list[str]:
        """Why this controller is not quite well."""
        found = [self.compiling.trouble]
        left = self.authority.root.not_valid_after_utc.timestamp() - self.clock.time()
        if left < ROOT_WARNING_S:
            found.append(f"the root certificate ends in {left / 86_400:.0f} days")
        return [problem for problem in found if problem]

    def _names(self) -> tuple[str, ...]:
        bound = Address.parse(self.options.grpc_address, "--grpc-address").host
        advertised = Address.parse(self.options.advertise, "--advertise").host if self.options.advertise else ""
        own = ("localhost", "127.0.0.1", "::1", socket.gethostname())
        named = [name for name in (bound, advertised, *self.options.names, *own) if name]
        return tuple(dict.fromkeys(name for name in named if name not in ("0.0.0.0", "::")))

    # ------------------------------------------------------------------------------------------------ between parts

    def _compiled(self, statuses: Mapping[Ref, Status], gone: Iterable[Ref]) -> None:
        first = not self.statuses and not self.delivery.compiled
        self.statuses.update(statuses)
        for ref in gone:
            self.statuses.pop(ref, None)
        if first:
            self.delivery.compiled = True
            self.delivery.refresh()

    def _world_changed(self, present: list[WorkloadInfo], gone: list[str]) -> None:
        self.compiling.set_workloads(present, gone)
        for workload in present:
            self.delivery.registered(workload.name)
        for name in gone:
            self.events.add("removed", name, "its lease has ended", "warning")

    async def _settle(self) -> None:
        """After a restore: the proxies know better than the backup who is there."""
        log.warning("restored from a backup: proxies are heard for %g s before they are told anything", SETTLE_S)
        await self.clock.sleep(SETTLE_S)
        self.compiling.release()
        self.delivery.refresh()
        await self.store.settled()
        log.info("proxies are told what the backup says: revision %d", self.store.revision)

    async def _tell_refusals(self) -> None:
        while True:
            await self.clock.sleep(REFUSALS_EVERY_S)
            self.refusals.look()

    async def _forget_edges(self) -> None:
        while True:
            await self.clock.sleep(FORGET_EDGES_EVERY_S)
            self.edges.forget(self.clock.time())
