"""A proxy that is only its protocol: joins, attaches, subscribes, acknowledges. For tests of controllers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.any_pb2 import Any as AnyMessage

from weft.identity.tokens import JoinToken
from weft.v1 import control_pb2, control_pb2_grpc, discovery_pb2, program_pb2

PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
TYPE_PREFIX = "type.googleapis.com/weft.v1."
CONTROLLER_NAME = (("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1))
# A test that waits longer has found a defect.
PATIENCE_S = 10.0

T = TypeVar("T")
Key = tuple[str, str]


class FakeProxy:
    """One workload's proxy. `held` is what it has applied: (kind, name) to version; `content` the messages."""

    def __init__(self, namespace: str, name: str, service: str = "", account: str = "", **workload: Any) -> None:
        account = account or service.rpartition("/")[2] or name
        self.workload = program_pb2.Workload(
            namespace=namespace, name=name, service=service, service_account=account, **workload
        )
        self.name = f"{namespace}/{name}"
        self.held: dict[Key, str] = {}
        self.content: dict[Key, AnyMessage] = {}
        self.absent: set[Key] = set()
        # In order of arrival: "+ Backend default/a:80", "- …", "! …".
        self.log: list[str] = []
        # Versions that it refuses, with a reason.
        self.refuse: dict[str, str] = {}
        self.features: tuple[str, ...] = ()
        self.chain = self.key = b""
        self.not_after = 0
        self.roots = b""
        self.status: control_pb2.AttachmentStatus | None = None
        self._changed = asyncio.Event()
        # grpc.aio takes one write of a stream at a time, and answers are written while the test asks.
        self._writing = asyncio.Lock()
        self._channel: grpc.aio.Channel | None = None
        self._calls: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._delivery: Any = None

    # ------------------------------------------------------------------------------------------------------ identity

    async def join(self, token: str, roots: bytes) -> control_pb2.SignResponse:
        """Over the listener that needs no certificate; `roots` (PEM) is what the token's hash stands for."""
        place = JoinToken.decode(token).join
        credentials = grpc.ssl_channel_credentials(roots)
        async with grpc.aio.secure_channel(place, credentials, options=CONTROLLER_NAME) as channel:
            return await self.sign(channel, token=token)

    async def sign(self, channel: grpc.aio.Channel, token: str = "", unix_seconds: int = 0) -> control_pb2.SignResponse:
        private = ec.generate_private_key(ec.SECP256R1())
        request = control_pb2.SignRequest(
            csr=_csr(private),
            token=token,
            namespace=self.workload.namespace,
            service_account=self.workload.service_account,
            workload=self.workload.name,
            unix_seconds=unix_seconds,
        )
        response: control_pb2.SignResponse = await control_pb2_grpc.IdentityStub(channel).Sign(request)
        self.chain, self.roots = _pem(response.chain), _pem(response.roots)
        self.key = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.not_after = response.not_after
        return response

    # ---------------------------------------------------------------------------------------------------- connection

    def connect(self, address: str) -> grpc.aio.Channel:
        """ "unix:/path", or "host:port" with the SVID that it has."""
        if address.startswith("unix:"):
            self._channel = grpc.aio.insecure_channel(address, options=CONTROLLER_NAME)
        else:
            credentials = grpc.ssl_channel_credentials(self.roots, self.key, self.chain)
            self._channel = grpc.aio.secure_channel(address, credentials, options=CONTROLLER_NAME)
        return self._channel

    @property
    def channel(self) -> grpc.aio.Channel:
        assert self._channel is not None, "connect first"
        return self._channel

    async def close(self) -> None:
        for call in self._calls:
            call.cancel()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
                await task
        self._calls, self._tasks, self._delivery = [], [], None
        if self._channel is not None:
            await self._channel.close(None)
            self._channel = None

    async def until(self, condition: Callable[[], T]) -> T:
        """Wait for events until `condition` holds; its value."""
        async with asyncio.timeout(PATIENCE_S):
            while not (value := condition()):
                self._changed.clear()
                await self._changed.wait()
        return value

    # -------------------------------------------------------------------------------------------------- registration

    async def attach(
        self, *, ports: Mapping[int, tuple[str, int]] | None = None, health: str = "healthy", **more: Any
    ) -> Any:
        """Open the lease; `again` on the returned call says more. `ports`: service port to (address, port)."""
        call = control_pb2_grpc.RegistrationStub(self.channel).Attach()
        self._calls.append(call)
        await self.say(call, ports=ports, health=health, **more)
        return call

    async def say(
        self, call: Any, *, ports: Mapping[int, tuple[str, int]] | None = None, health: str = "healthy", **more: Any
    ) -> control_pb2.AttachmentStatus:
        attached = [
            control_pb2.AttachedPort(port=port, address=address, listen_port=listen)
            for port, (address, listen) in (ports or {}).items()
        ]
        said = control_pb2.Attachment(
            workload=self.workload,
            ports=attached,
            health=f"HEALTH_{health.upper()}",
            capabilities=self.features,
            **{"epoch": 1, "certificate_not_after": self.not_after, "proxy_version": "fake", **more},
        )
        await call.write(said)
        status: control_pb2.AttachmentStatus = await call.read()
        self.status = status
        return status

    # ----------------------------------------------------------------------------------------------------------- tap

    async def open_tap(self, reporter: str = "") -> Any:
        """The stream of taps: `read` gives orders, the first at once; `write` takes reports."""
        call: Any = control_pb2_grpc.TapStub(self.channel).Watch()
        self._calls.append(call)
        await call.write(control_pb2.TapReport(reporter=reporter or self.name))
        return call

    # ------------------------------------------------------------------------------------------------------ delivery

    async def open(self, *, keep: bool = False) -> None:
        """Open the stream of delivery. `keep`: tell what is held, as after a reconnect."""
        method = self.channel.stream_stream(
            PATH,
            request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
            response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
        )
        call: Any = method
        self._delivery = call()
        self._calls.append(self._delivery)
        node = discovery_pb2.Node(id=self.name, user_agent_version="fake", client_features=self.features)
        await self._delivery.write(self._request("Mesh", ["mesh"], node=node))
        if keep:
            for kind in ("Inbound", "Endpoints", "Backend", "Frontend"):
                await self._delivery.write(self._held_request(kind))
        self._tasks.append(asyncio.create_task(self._follow(self._delivery)))

    async def subscribe(self, kind: str, *names: str) -> None:
        async with self._writing:
            await self._delivery.write(self._request(kind, names))

    async def unsubscribe(self, kind: str, *names: str) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(type_url=TYPE_PREFIX + kind, resource_names_unsubscribe=names)
        async with self._writing:
            await self._delivery.write(request)

    def message(self, kind: str, name: str) -> Any:
        """The delivered message that is in force."""
        found = getattr(program_pb2, kind)()
        assert self.content[kind, name].Unpack(found)
        return found

    def _request(
        self, kind: str, names: Sequence[str], node: discovery_pb2.Node | None = None
    ) -> discovery_pb2.DeltaDiscoveryRequest:
        return discovery_pb2.DeltaDiscoveryRequest(
            type_url=TYPE_PREFIX + kind, resource_names_subscribe=names, node=node
        )

    def _held_request(self, kind: str) -> discovery_pb2.DeltaDiscoveryRequest:
        held = {name: version for (of, name), version in self.held.items() if of == kind}
        request = self._request(kind, [] if kind in ("Endpoints", "Backend") else list(held))
        request.initial_resource_versions.update(held)
        return request

    async def _follow(self, call: Any) -> None:
        with suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
            while isinstance(response := await call.read(), discovery_pb2.DeltaDiscoveryResponse):
                async with self._writing:
                    await call.write(self._take(response))
                self._changed.set()

    def _take(self, response: discovery_pb2.DeltaDiscoveryResponse) -> discovery_pb2.DeltaDiscoveryRequest:
        kind = response.type_url.removeprefix(TYPE_PREFIX)
        answer = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        for one in response.resources:
            if one.version in self.refuse or one.name in self.refuse:
                self.log.append(f"! {kind} {one.name}")
                reason = self.refuse.get(one.version) or self.refuse[one.name]
                packed = AnyMessage()
                packed.Pack(discovery_pb2.Rejected(name=one.name, version=one.version, reason=reason))
                answer.error_detail.code = 3
                answer.error_detail.details.append(packed)
                continue
            self.log.append(f"+ {kind} {one.name}")
            self.held[kind, one.name], self.content[kind, one.name] = one.version, one.resource
            self.absent.discard((kind, one.name))
        for name in response.removed_resources:
            self.log.append(f"- {kind} {name}")
            self.held.pop((kind, name), None)
            self.absent.add((kind, name))
        return answer


def _csr(private: ec.EllipticCurvePrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _pem(chain: Sequence[bytes]) -> bytes:
    encoding = serialization.Encoding.PEM
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(encoding) for der in chain)
