"""Whether a registration is taken: a pure function of what the proxy says and what its channel proves."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from weft.compiler.model import Health, PortInfo, WorkloadInfo
from weft.controller.leases import Attached
from weft.controller.peers import Peer
from weft.controller.shared import capability_set
from weft.identity.errors import IdentityError
from weft.identity.spiffe import SpiffeId, check_name
from weft.resources.service import Service
from weft.v1 import control_pb2, program_pb2

# What one registration may weigh; it is kept, shown and sent to others.
MAX_PORTS = 64
MAX_LABELS = 64
MAX_TEXT = 512
MAX_CAPABILITIES = 512

HEALTH: dict[int, Health] = {
    program_pb2.HEALTH_UNKNOWN: "unknown",
    program_pb2.HEALTH_HEALTHY: "healthy",
    program_pb2.HEALTH_UNHEALTHY: "unhealthy",
    program_pb2.HEALTH_DRAINING: "draining",
}


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """The registration is not taken: who, what, and what next."""

    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}"


def admit(said: control_pb2.Attachment, peer: Peer, trust_domain: str, now: float) -> Attached:
    """Raises Refusal. `now`: Unix seconds, which its clock is compared with."""
    workload = said.workload
    name = f"{workload.namespace}/{workload.name}"
    try:
        check_name("namespace", workload.namespace)
        check_name("workload", workload.name)
        account = check_name("service account", _account(workload, peer))
    except IdentityError as error:
        raise Refusal(str(error), error.hint) from error
    _check_size(said, name)
    _check_claims(workload, peer, name, account)
    return Attached(
        _info(said, peer, trust_domain, account),
        said.epoch,
        said.health_reason,
        said.admin,
        peer.address,
        said.proxy_version,
        account,
        float(said.certificate_not_after),
        said.unix_ms / 1000 - now if said.unix_ms else None,
    )


def _check_claims(workload: program_pb2.Workload, peer: Peer, name: str, account: str) -> None:
    """Whether this peer may be that workload of that service."""
    if not peer.may_be(workload.namespace, account, name):
        raise Refusal(
            f"{peer} may not register {name} as {workload.namespace}/{account}",
            "join with a token for that workload's namespace and service account",
        )
    if workload.service and workload.service.partition("/")[0] != workload.namespace:
        raise Refusal(
            f"{name} cannot serve {workload.service}, which is in another namespace", "run it in that namespace"
        )
    # Who serves nothing takes less than its token gives.
    if peer.service and workload.service not in ("", peer.service):
        raise Refusal(
            f"{name} joined with a token for {peer.service} and registers as {workload.service}",
            f"join with one for that: weft token create {workload.service.rpartition('/')[2]}",
        )


def _info(said: control_pb2.Attachment, peer: Peer, trust_domain: str, account: str) -> WorkloadInfo:
    workload = said.workload
    name = f"{workload.namespace}/{workload.name}"
    # Who came with a certificate is called with mTLS, so that nobody else can be reached in its name.
    meshed = said.certificate_not_after or peer.proof.identity
    identity = str(SpiffeId(trust_domain, workload.namespace, account)) if meshed else ""
    return WorkloadInfo(
        name=name,
        namespace=workload.namespace,
        service=workload.service,
        version=workload.version,
        labels=dict(workload.labels),
        identity=identity,
        ports=tuple(_port(port, peer, name) for port in said.ports),
        health=HEALTH.get(said.health, "unknown"),
        zone=workload.zone,
        capabilities=capability_set(said.capabilities),
    )


def _account(workload: program_pb2.Workload, peer: Peer) -> str:
    """The service account defaults to the service's name; a pure client's to what it proved, or its own name."""
    if workload.service_account:
        return workload.service_account
    if workload.service:
        return workload.service.rpartition("/")[2]
    return peer.proof.identity.service_account if peer.proof.identity else workload.name


def _check_size(said: control_pb2.Attachment, name: str) -> None:
    texts = [said.health_reason, said.admin, said.proxy_version, said.workload.service, said.workload.version]
    texts += [said.workload.zone, *said.capabilities, *said.workload.labels, *said.workload.labels.values()]
    sizes = (len(said.ports) > MAX_PORTS, len(said.workload.labels) > MAX_LABELS)
    if any(sizes) or len(said.capabilities) > MAX_CAPABILITIES or any(len(text) > MAX_TEXT for text in texts):
        raise Refusal(
            f"the registration of {name} is too large",
            f"at most {MAX_PORTS} ports, {MAX_LABELS} labels, texts of {MAX_TEXT} characters",
        )


def _port(said: control_pb2.AttachedPort, peer: Peer, name: str) -> PortInfo:
    """A proxy that listens on every address is reached at the one that we see it come from."""
    seen = peer.address or "127.0.0.1"
    try:
        address = ipaddress.ip_address(said.address or seen)
    except ValueError as error:
        raise Refusal(f"{name} is said to be at {said.address!r}, which is no IP address", "give an address") from error
    if not (0 < said.port < 65536 and 0 < said.listen_port < 65536):
        raise Refusal(f"{name} has no port {said.port} (at {said.listen_port})", "ports are 1 to 65535")
    return PortInfo(said.port, seen if address.is_unspecified else str(address), said.listen_port)


def not_serving(attached: Attached, services: Mapping[str, Service]) -> str:
    """Why it is no endpoint of the service that it names, though it is registered; "" when it is one."""
    name = attached.info.service
    service = services.get(name)
    if not name or (service is not None and attached.service_account in service.accounts):
        return ""
    if service is None:
        return f"no such service {name}: declare it, and it is served from here"
    return f"{attached.service_account} may not serve {name} (its identities: {', '.join(service.accounts)})"


def unreachable(attached: Attached) -> str:
    """A warning about where it is said to be; "" when there is none."""
    if attached.peer in ("", "127.0.0.1", "::1"):
        return ""
    inside = [port.address for port in attached.info.ports if ipaddress.ip_address(port.address).is_loopback]
    if not inside:
        return ""
    return f"it registers {inside[0]} from {attached.peer}: others cannot reach it; let it listen on a real address"
