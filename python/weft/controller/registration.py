"""gRPC `Registration`: a lease lives as long as its stream."""

from __future__ import annotations

import logging

import grpc

from weft.controller.admission import Refusal, admit, unreachable
from weft.controller.leases import Attached
from weft.controller.peers import Peer, identify
from weft.controller.registry import Registry
from weft.identity.errors import IdentityError
from weft.observe.events import EventRing
from weft.store.store import Store
from weft.v1 import control_pb2, control_pb2_grpc

log = logging.getLogger("weft.controller.registration")


class RegistrationService(control_pb2_grpc.RegistrationServicer):
    def __init__(self, registry: Registry, store: Store, events: EventRing, trust_domain: str) -> None:
        self._registry, self._store, self._events, self._trust_domain = registry, store, events, trust_domain

    async def Attach(
        self, requests: object, context: grpc.aio.ServicerContext[control_pb2.Attachment, control_pb2.AttachmentStatus]
    ) -> None:
        try:
            peer = await identify(context, self._store, self._trust_domain)
        except IdentityError as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"{error}\nhint: {error.hint}")
        attached: Attached | None = None
        stream = object()
        try:
            while isinstance(said := await context.read(), control_pb2.Attachment):
                attached, status = self._take(said, peer, stream, attached)
                await context.write(status)
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
            attached = admit(said, peer, self._trust_domain)
        except Refusal as refusal:
            log.warning("%s", refusal)
            self._events.add("registration-refused", name, str(refusal), "warning")
            return before, control_pb2.AttachmentStatus(error=str(refusal))
        if before is None:
            self._welcome(attached)
        self._registry.attach(stream, attached)
        return attached, control_pb2.AttachmentStatus(spiffe_id=attached.info.identity)

    def _welcome(self, attached: Attached) -> None:
        info = attached.info
        log.info("%s attached as %s", info.name, info.service or "a pure client")
        self._events.add("attached", info.name, f"{info.service or 'a pure client'} {info.version}".strip())
        if warning := unreachable(attached):
            log.warning("%s: %s", info.name, warning)
            self._events.add("unreachable", info.name, warning, "warning")
