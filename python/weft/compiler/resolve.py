"""Table `resolve`: the frontends of a service, one per port and client namespace that has consumer routes."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.attach import Effective, routes_at
from weft.compiler.index import MESH_REF, Index, ServiceName
from weft.compiler.make import deliver
from weft.compiler.model import Delivered, Key, backend_key, frontend_key
from weft.compiler.requires import of_action, of_frontend
from weft.compiler.route import RouteTable, route_table, set_limits
from weft.resources.ref import Ref
from weft.resources.service import Service, ServicePort
from weft.v1 import program_pb2 as pb

PROTOCOLS = {
    None: pb.APP_PROTOCOL_DETECT,
    "HTTP": pb.APP_PROTOCOL_HTTP1,
    "HTTP2": pb.APP_PROTOCOL_HTTP2,
    "GRPC": pb.APP_PROTOCOL_GRPC,
    "TCP": pb.APP_PROTOCOL_TCP,
    "TLS": pb.APP_PROTOCOL_TLS,
}


def frontends(index: Index, name: ServiceName) -> Iterator[Delivered]:
    service = index.services.get(name)
    if service is None:
        return
    for port in service.spec.ports:
        policy = Effective(index, service, port)
        by_client = routes_at(index, service, port.port)
        for client in {"*", *by_client}:
            yield _frontend(index, service, port, client, by_client.get(client, []), policy)


def hosts(index: Index, service: Service) -> list[str]:
    """The names under which clients reach it; the first only from its own namespace, which is the proxy's to know."""
    local = f"{service.name}.{service.namespace}"
    return [service.name, local, *(f"{local}.{suffix}" for suffix in index.mesh.suffixes)]


def _frontend(
    index: Index, service: Service, port: ServicePort, client: str, routes: list[Ref], policy: Effective
) -> Delivered:
    message = pb.Frontend(
        name=frontend_key(service.full_name, port.port, client),
        hosts=hosts(index, service),
        port=port.port,
        protocol=PROTOCOLS[port.speaks],
        origin=str(service.ref),
        has_routes=bool(routes),
    )
    table = route_table(index, routes, port, policy)
    if routes:
        message.routes.extend(table.entries)
        message.actions.extend(table.actions)
    else:
        _default(message, service, port, policy, table)
    origins = {service.ref, *routes, *policy.origins} | ({MESH_REF} & index.resources.keys())
    return deliver("Frontend", message, _needs(table), of_frontend(message), origins)


def _default(message: pb.Frontend, service: Service, port: ServicePort, policy: Effective, table: RouteTable) -> None:
    """Without routes everything goes to the service itself."""
    message.default_backend = backend_key(service.full_name, port.port)
    message.default_action.rule_id = str(service.ref)
    set_limits(message.default_action, port, policy)
    message.default_action.requires.extend(of_action(message.default_action))
    table.backends.add(message.default_backend)


def _needs(table: RouteTable) -> tuple[Key, ...]:
    """Endpoints before Backends: the order in which a proxy should have them."""
    keys = sorted(table.backends)
    return (*(("Endpoints", k) for k in keys), *(("Backend", k) for k in keys))
