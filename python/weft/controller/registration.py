"""gRPC `Registration`: a lease lives as long as its stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import grpc

from weft.controller.admission import Refusal, admit, not_serving, unreachable
from weft.controller.clock import Clock
from weft.controller.leases import Attached
from weft.controller.peers import Peer, end_expired, peer_of
from weft.controller.registry import Registry
from weft.observe.events import EventRing
from weft.resources.service import Service
from weft.store.store import Store
from weft.v1 import control_pb2, control_pb2_grpc

log = logging.getLogger("weft.controller.registration")


class RegistrationService(control_pb2_grpc.RegistrationServicer):
    def __init__(
        self,
        registry: Registry,
        services: Mapping[str, Service],
        store: Store,
        events: EventRing,
        clock: Clock,
        trust_domain: str,
    ) -> None:
        self._registry, self._services, self._store, self._events = registry, services, store, events
        self._clock, self._trust_domain = clock, trust_domain

    async def Attach(
        self, requests: object, context: grpc.aio.ServicerContext[control_pb2.Attachment, control_pb2.AttachmentStatus]
    ) -> None:
        peer = await peer_of(context, self._store, self._trust_domain)
        attached: Attached | None = None
        stream = object()
        try:
            async with asyncio.timeout(peer.seconds_left(self._clock.time())):
                while isinstance(said := await context.read(), control_pb2.Attachment):
                    attached, status = self._take(said, peer, stream, attached)
                    await context.write(status)
        except TimeoutError:
            await end_expired(context, peer)
        finally:
            if attached is not None:
                self._registry.lose(attached.info.name, stream)

    def _take(
        self, said: control_pb2.Attachment, peer: Peer, stream: object, before: Attached | None
    ) -> tuple[Attached | None, control_pb2.AttachmentStatus]:
        name = f"{said.workload.namespace}/{said.workload.name}"
        try:
            if before is not None and before.info.name != name:
                raise Refusal(f"this stream is of {before.info.name}, not of {name}", "open one stream per workload")
            if before is None and self._registry.leases.full:
                raise Refusal("this controller has as many workloads as it can hold", "ask its operator")
            attached = admit(said, peer, self._trust_domain, self._clock.time())
        except Refusal as refusal:
            log.warning("%s", refusal)
            self._events.add("registration-refused", name, str(refusal), "warning")
            return before, control_pb2.AttachmentStatus(error=str(refusal))
        if before is None:
            self._welcome(attached)
        self._registry.attach(stream, attached)
        problem = not_serving(attached, self._services)
        return attached, control_pb2.AttachmentStatus(error=problem, spiffe_id=attached.info.identity)

    def _welcome(self, attached: Attached) -> None:
        info = attached.info
        log.info("%s attached as %s", info.name, info.service or "a pure client")
        self._events.add("attached", info.name, f"{info.service or 'a pure client'} {info.version}".strip())
        warnings = {"unreachable": unreachable(attached), "not-serving": not_serving(attached, self._services)}
        for kind, warning in warnings.items():
            if warning:
                log.warning("%s: %s", info.name, warning)
                self._events.add(kind, info.name, warning, "warning")
