"""Who is at the other end of a gRPC call: what TLS (or the socket) proved, and what the ledger knows of that SVID."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

import grpc
from cryptography import x509

from weft.identity.errors import IdentityError
from weft.identity.signer import Proof
from weft.identity.spiffe import SpiffeId
from weft.store.errors import StoreError
from weft.store.model import Issued


class Context(Protocol):
    """What is read of `grpc.aio.ServicerContext`."""

    def peer(self) -> str: ...
    def auth_context(self) -> Mapping[str, Iterable[bytes]]: ...


class Ledger(Protocol):
    async def issued(self, serial: str) -> Issued | None: ...


@dataclass(frozen=True, slots=True)
class Peer:
    proof: Proof
    # IP address, without port; "" is this machine (unix socket).
    address: str = ""
    # "<namespace>/<workload>" and "<namespace>/<service>" that the SVID was given for; "" is any of its account.
    workload: str = ""
    service: str = ""
    # When its certificate ends, Unix seconds; None: it has none.
    not_after: float | None = None

    def seconds_left(self, now: float) -> float | None:
        """How long a stream may live on this proof. A proxy that renews its SVID dials again long before."""
        return None if self.not_after is None else max(self.not_after - now, 0.0)

    @property
    def local(self) -> bool:
        return self.proof.kind == "local"

    def may_be(self, namespace: str, account: str, workload: str) -> bool:
        """Whether it may speak for "<namespace>/<workload>", which runs as `account`."""
        if self.local:
            return True
        held = self.proof.identity
        mine = held is not None and (held.namespace, held.service_account) == (namespace, account)
        return mine and self.workload in ("", workload)

    def __str__(self) -> str:
        who = str(self.proof.identity) if self.proof.identity else self.proof.kind
        return f"{who} ({self.workload})" if self.workload else who


async def identify(context: Context, ledger: Ledger, trust_domain: str) -> Peer:
    """Raises IdentityError for a certificate that is none of ours in form, though our root signed it."""
    peer = context.peer()
    if peer.startswith("unix:"):
        return Peer(Proof("local"))
    address = _address(peer)
    pem = next(iter(context.auth_context().get("x509_pem_cert", ())), None)
    if pem is None:
        return Peer(Proof("anonymous"), address)
    certificate = x509.load_pem_x509_certificate(pem)
    identity = _identity(certificate, trust_domain)
    serial = f"{certificate.serial_number:x}"
    issued = await ledger.issued(serial)
    proof = Proof("svid", identity, serial)
    workload, service = (issued.workload, issued.service) if issued else ("", "")
    return Peer(proof, address, workload, service, certificate.not_valid_after_utc.timestamp())


async def peer_of(context: grpc.aio.ServicerContext[Any, Any], ledger: Ledger, trust_domain: str) -> Peer:
    """`identify` for a handler: what cannot be identified is told why, and its call ends."""
    try:
        return await identify(context, ledger, trust_domain)
    except IdentityError as error:
        code, text = grpc.StatusCode.PERMISSION_DENIED, f"{error}\nhint: {error.hint}"
    except StoreError as error:
        code, text = grpc.StatusCode.UNAVAILABLE, f"{error}\nhint: {error.hint}"
    await context.abort(code, text)
    raise AssertionError("abort always raises")


async def end_expired(context: grpc.aio.ServicerContext[Any, Any], peer: Peer) -> None:
    """A stream must not outlive the proof that it was opened with."""
    await context.abort(
        grpc.StatusCode.UNAUTHENTICATED, f"the certificate of {peer} has ended\nhint: renew it, and connect again"
    )


def _identity(certificate: x509.Certificate, trust_domain: str) -> SpiffeId:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise IdentityError("denied", "the certificate is no SVID: it has not one URI name", "join again") from error
    identity = SpiffeId.parse(uri)
    if identity.trust_domain != trust_domain:
        raise IdentityError(
            "denied", f"{identity} is of another trust domain than {trust_domain}", "join this mesh with a token"
        )
    return identity


def _address(peer: str) -> str:
    """ "ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711" """
    host = unquote(peer.partition(":")[2]).rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
