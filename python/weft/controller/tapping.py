"""gRPC `Tap`: the proxies hear what is watched, and send what fits."""

from __future__ import annotations

import asyncio
import contextlib

import grpc

from weft.controller.clock import Clock
from weft.controller.peers import Peer, end_expired, peer_of
from weft.controller.reporters import Reporters
from weft.observe.taps import TapBook, Watcher
from weft.store.store import Store
from weft.v1 import control_pb2, control_pb2_grpc

Context = grpc.aio.ServicerContext[control_pb2.TapReport, control_pb2.TapOrders]


class TapService(control_pb2_grpc.TapServicer):
    def __init__(self, taps: TapBook, reporters: Reporters, store: Store, clock: Clock, trust_domain: str) -> None:
        self._taps, self._reporters = taps, reporters
        self._store, self._clock, self._trust_domain = store, clock, trust_domain

    async def Watch(self, requests: object, context: Context) -> None:
        peer = await peer_of(context, self._store, self._trust_domain)
        watcher: Watcher | None = None
        telling: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(peer.seconds_left(self._clock.time())):
                while isinstance(report := await context.read(), control_pb2.TapReport):
                    if watcher is None or telling is None:
                        watcher = await self._join(report.reporter, peer, context)
                        telling = asyncio.create_task(self._tell(watcher, context))
                    self._take(watcher, report, peer)
        except TimeoutError:
            await end_expired(context, peer)
        finally:
            if watcher is not None and telling is not None:
                self._taps.leave(watcher)
                telling.cancel()
                with contextlib.suppress(asyncio.CancelledError, grpc.aio.UsageError, asyncio.InvalidStateError):
                    await telling

    async def _join(self, reporter: str, peer: Peer, context: Context) -> Watcher:
        if not self._reporters.is_own(reporter, peer):
            text = f"{peer} may not show requests of {reporter}\nhint: attach first"
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, text)
        return self._taps.join(reporter)

    async def _tell(self, watcher: Watcher, context: Context) -> None:
        """The first one at once, also when there is no tap: a proxy knows by it that it was understood."""
        while True:
            await watcher.changed.wait()
            watcher.changed.clear()
            await context.write(self._taps.orders())

    def _take(self, watcher: Watcher, report: control_pb2.TapReport, peer: Peer) -> None:
        own = [each for each in report.records if self._reporters.keep_own(each.edge, watcher.reporter, peer)]
        for record in own:
            # A caller has one identity, and its certificate says which.
            if record.edge.side == "source" and peer.proof.identity and record.principal != str(peer.proof.identity):
                record.principal = ""
        del report.records[:]
        report.records.extend(own)
        self._taps.take(watcher, report, self._clock.monotonic())
