"""The gRPC listeners: mTLS, joining, the unix socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc

from weft.controller.options import Address, OptionError
from weft.identity.authority import Authority, pem
from weft.identity.server import ServerCertificate, ServerIdentity
from weft.v1 import control_pb2_grpc

# A machine that loses power says no goodbye: its lease is lost after at most 15 s.
KEEPALIVE_MS, KEEPALIVE_TIMEOUT_MS = 10_000, 5_000
# Clients may ask the same of us.
MIN_PING_MS = 5_000
# A registration or a request of a proxy is small; the largest is a report of 20,000 edges.
MAX_RECEIVED = 16 << 20
# Neighbouring free ports, when none was asked for: Linux gives connections the even ones, which many second ones are.
TRIES = 500
# Strangers reach the listener for joining: a request for a certificate with a token is below 8 KiB.
MAX_JOINING = 64 << 10

OPTIONS: Sequence[tuple[str, int]] = (
    # Two controllers on one port would each get half of the proxies.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", MIN_PING_MS),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", MIN_PING_MS),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_send_message_length", -1),
)


class GrpcServers:
    """One serves everything over mTLS and the unix socket, the other Identity only, without a client certificate."""

    def __init__(
        self,
        identity: control_pb2_grpc.IdentityServicer,
        registration: control_pb2_grpc.RegistrationServicer,
        telemetry: control_pb2_grpc.TelemetryServicer,
        tap: control_pb2_grpc.TapServicer,
        delivery: grpc.GenericRpcHandler,  # type: ignore[type-arg]  # generic in the stubs only
    ) -> None:
        self._main, self._joining = _server(MAX_RECEIVED), _server(MAX_JOINING)
        for server in (self._main, self._joining):
            control_pb2_grpc.add_IdentityServicer_to_server(identity, server)
        control_pb2_grpc.add_RegistrationServicer_to_server(registration, self._main)
        control_pb2_grpc.add_TelemetryServicer_to_server(telemetry, self._main)
        control_pb2_grpc.add_TapServicer_to_server(tap, self._main)
        self._main.add_generic_rpc_handlers((delivery,))
        self.address = self.join_address = Address("", 0)

    def bind(self, wanted: Address, authority: Authority, server: ServerIdentity) -> None:
        """Port n for mTLS, n + 1 for joining."""
        secure = _credentials(authority, server, require_client=True)
        joining = _credentials(authority, server, require_client=False)
        for port in [wanted.port] if wanted.port else _free_pairs(wanted.host):
            address, join_address = Address(wanted.host, port), Address(wanted.host, port + 1)
            try:
                self._joining.add_secure_port(str(join_address), joining)
                self._main.add_secure_port(str(address), secure)
            except RuntimeError as error:
                # What follows is advice to set gRPC's own debugging variable.
                failed = str(error).partition(";")[0]
                continue
            self.address, self.join_address = address, join_address
            return
        raise OptionError(
            f"cannot listen on {wanted} and on the next port: {failed}",
            "something else listens there; stop it, or choose another --grpc-address",
        )

    def bind_unix(self, path: Path) -> None:
        """Mode 0600 from its first moment, in a directory that is ours alone: that is the check of who may connect."""
        # sun_path of unix(7) has 108 bytes on Linux, 104 on macOS.
        if len(os.fsencode(path)) > 103:
            raise OptionError(f"the path {path} is too long for a unix socket", "choose a shorter --state-dir")
        before = os.umask(0o177)
        try:
            self._main.add_insecure_port(f"unix:{path}")
        finally:
            os.umask(before)
        os.chmod(path, 0o600)

    async def start(self) -> None:
        await self._main.start()
        await self._joining.start()

    async def stop(self, grace_s: float) -> None:
        await self._joining.stop(grace_s)
        await self._main.stop(grace_s)


def _server(most: int) -> grpc.aio.Server:
    """`most`: bytes of a message that it takes."""
    return grpc.aio.server(options=(*OPTIONS, ("grpc.max_receive_message_length", most)))


def _credentials(authority: Authority, server: ServerIdentity, *, require_client: bool) -> grpc.ServerCredentials:
    roots = b"".join(pem(der) for der in authority.roots)
    given = server.current()

    def configuration(current: ServerCertificate) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([(current.key_pem, current.chain_pem)], roots)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        """Asked at each handshake; None: as before."""
        nonlocal given
        current = server.current()
        if current is given:
            return None
        given = current
        return configuration(current)

    # The stubs do not know that None is possible.
    fetcher: Callable[[], grpc.ServerCertificateConfiguration] = fetch  # type: ignore[assignment]
    return grpc.dynamic_ssl_server_credentials(configuration(given), fetcher, require_client)


def _free_pairs(host: str) -> Iterator[int]:
    """Ports that were free a moment ago, and the next one as well."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(TRIES):
        with socket.socket(family) as first, socket.socket(family) as second:
            first.bind((host, 0))
            port: int = first.getsockname()[1]
            try:
                second.bind((host, port + 1))
            except (OSError, OverflowError):
                continue
        yield port
