"""Table `deliver`, and the whole of one workload's inbound side: what its own proxy, and no other, is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from weft.compiler.accept import TLS_MODES, tls_of
from weft.compiler.authorise import authorise, concerns_port, policies_for
from weft.compiler.index import MESH_REF, Index
from weft.compiler.make import deliver
from weft.compiler.model import Delivered, WorkloadInfo
from weft.compiler.requires import of_inbound_port
from weft.compiler.resolve import PROTOCOLS
from weft.resources.ref import Ref
from weft.resources.service import Health, Service, ServicePort
from weft.v1 import program_pb2 as pb


@dataclass(frozen=True, slots=True)
class PortSet:
    """The ports of one service under one set of policies: the same for all workloads that these cover."""

    message: pb.Inbound
    requires: frozenset[str]
    origins: frozenset[Ref]


# (service, policies) to its ports: so that a service with 10,000 workloads is worked out once.
Ports = Callable[[Service, tuple[Ref, ...]], PortSet]


def inbound(index: Index, workload: WorkloadInfo, ports: Ports) -> Delivered:
    service = index.services.get(workload.service)
    if service is None:
        # A pure client, or a service that is not declared: nothing is let in.
        return deliver("Inbound", pb.Inbound(name=workload.name, service=workload.service))
    shared = ports(service, policies_for(index, service, workload))
    message = pb.Inbound(name=workload.name)
    message.MergeFrom(shared.message)
    return deliver("Inbound", message, (), shared.requires, shared.origins)


def port_set(index: Index, service: Service, policies: tuple[Ref, ...]) -> PortSet:
    message = pb.Inbound(service=service.full_name)
    message.ports.extend(_port(index, service, port, policies) for port in service.spec.ports)
    requires = {name for port in message.ports for name in of_inbound_port(port)}
    origins = {service.ref, *policies} | ({MESH_REF} & index.resources.keys())
    return PortSet(message, frozenset(requires), frozenset(origins))


def _port(index: Index, service: Service, port: ServicePort, policies: tuple[Ref, ...]) -> pb.InboundPort:
    mode, origin = tls_of(index, service, port)
    message = pb.InboundPort(port=port.port, protocol=PROTOCOLS[port.speaks], tls=TLS_MODES[mode], tls_origin=origin)
    authorise(message, index, tuple(ref for ref in policies if concerns_port(index.access(ref), service, port)))
    health = service.spec.health
    if health is not None and (health.port or service.spec.ports[0].port) == port.port:
        message.health.CopyFrom(health_check(health, port.port))
    return message


def health_check(health: Health, port: int) -> pb.HealthCheck:
    return pb.HealthCheck(
        http_path=health.http,
        tcp=health.tcp,
        grpc_service=health.grpc,
        interval_ms=health.interval,
        timeout_ms=health.timeout,
        rise=health.rise,
        fall=health.fall,
        port=port,
    )
