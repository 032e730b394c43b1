"""gRPC delivery: one `ProxyStream` per connected proxy, read and written here.

The protocol is incremental xDS on Envoy's own path with our resource types; messages go out as bytes that are shared by
all streams, so the method is registered by hand and has no serialiser.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import grpc

from weft.compiler.model import Kind
from weft.controller.clock import Clock
from weft.controller.peers import Peer, end_expired, peer_of
from weft.controller.registry import Registry
from weft.controller.slots import Refused, Rejection
from weft.controller.stream import ProxyStream
from weft.controller.topics import Topic, Topics
from weft.observe.events import EventRing
from weft.store.store import Store
from weft.v1 import discovery_pb2

log = logging.getLogger("weft.controller.delivery")

PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

Context: TypeAlias = "grpc.aio.ServicerContext[discovery_pb2.DeltaDiscoveryRequest, bytes]"


class Connection:
    """One proxy that is connected."""

    def __init__(self, peer: Peer, topics: Topics, may_have: Callable[[Connection, Kind, str], bool]) -> None:
        self.peer = peer
        self.version = ""
        self.refused: set[str] = set()
        self._may_have = may_have
        self._news = asyncio.Event()
        self.stream = ProxyStream(topics, self._may, self._news.set)

    @property
    def node(self) -> str:
        """ "<namespace>/<workload>", from its first request."""
        return self.stream.node

    def _may(self, kind: Kind, name: str) -> bool:
        return kind != "Inbound" or self._may_have(self, kind, name)

    def receive(self, request: discovery_pb2.DeltaDiscoveryRequest) -> list[tuple[Topic, Rejection]]:
        if request.HasField("node"):
            if self.node and request.node.id != self.node:
                raise Refused(f"this stream is of {self.node}, not of {request.node.id}")
            self.stream.node, self.version = request.node.id, request.node.user_agent_version
        if not self.node:
            raise Refused("the first request has no node.id")
        return self.stream.receive(request)

    async def write_to(self, context: Context) -> None:
        while True:
            self._news.clear()
            while (response := self.stream.next_response()) is not None:
                await context.write(response)
            await self._news.wait()


class Delivery(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """All connected proxies."""

    def __init__(
        self, topics: Topics, registry: Registry, store: Store, events: EventRing, clock: Clock, trust_domain: str
    ) -> None:
        self._topics, self._registry, self._store, self._events = topics, registry, store, events
        self._clock, self._trust_domain = clock, trust_domain
        self.connections: set[Connection] = set()
        # The first program is known.
        self.compiled = False

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method != PATH:
            return None
        handler: Callable[[object, Context], Awaitable[None]] = self.serve
        return grpc.stream_stream_rpc_method_handler(
            handler, request_deserializer=discovery_pb2.DeltaDiscoveryRequest.FromString
        )

    async def serve(self, requests: object, context: Context) -> None:
        peer = await peer_of(context, self._store, self._trust_domain)
        connection = Connection(peer, self._topics, self._may_have)
        self.connections.add(connection)
        writer = asyncio.create_task(connection.write_to(context))
        writer.add_done_callback(_ends(asyncio.current_task()))
        try:
            async with asyncio.timeout(peer.seconds_left(self._clock.time())):
                while isinstance(request := await context.read(), discovery_pb2.DeltaDiscoveryRequest):
                    self._note(connection, connection.receive(request))
        except TimeoutError:
            await end_expired(context, peer)
        except Refused as refusal:
            log.warning("%s: %s", connection.node or peer, refusal)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refusal))
        finally:
            self.connections.discard(connection)
            connection.stream.close()
            writer.cancel()
            with suppress(asyncio.CancelledError, grpc.RpcError, grpc.aio.UsageError):
                await writer

    def refresh(self) -> None:
        """The first program is known: what waited for it is answered."""
        for connection in self.connections:
            connection.stream.refresh()

    def registered(self, workload: str) -> None:
        """A registration changed: who may have its Inbound may have, too."""
        for subscriber in set(self._topics.topic("Inbound", workload).subscribers):
            subscriber.mark(self._topics.topic("Inbound", workload))

    def _may_have(self, connection: Connection, kind: Kind, name: str) -> bool:
        """An Inbound is for its own workload only: it says who may call, and on which ports."""
        lease = self._registry.leases.all.get(name)
        held = connection.peer.proof.identity
        account = lease.latest.service_account if lease else held.service_account if held else ""
        namespace = name.partition("/")[0]
        if name == connection.node and connection.peer.may_be(namespace, account, name):
            return True
        if name not in connection.refused and len(connection.refused) < 100:
            connection.refused.add(name)
            text = f"{connection.node} ({connection.peer}) asked for the Inbound of {name}"
            log.warning("%s: refused", text)
            self._events.add("inbound-refused", connection.node, text, "warning")
        return False

    def _note(self, connection: Connection, rejected: list[tuple[Topic, Rejection]]) -> None:
        for topic, rejection in rejected:
            text = f"{topic} {rejection.version}: {rejection.reason}"
            log.warning("%s rejected %s", connection.node, text)
            self._events.add("rejected", connection.node, text, "error")


def _ends(reader: asyncio.Task[Any] | None) -> Callable[[asyncio.Task[None]], None]:
    """A writer that fails ends its stream: a proxy that is no longer written to must notice."""

    def ended(writer: asyncio.Task[None]) -> None:
        if not writer.cancelled() and writer.exception() is not None and reader is not None:
            if not isinstance(writer.exception(), grpc.RpcError | grpc.aio.UsageError):
                log.error("a stream failed", exc_info=writer.exception())
            reader.cancel()

    return ended
