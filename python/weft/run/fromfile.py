"""The workloads of a `weft.yaml` as specs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from weft.client.errors import WeftError
from weft.run.loopback import Target
from weft.run.order import HEALTHY
from weft.run.spec import START_TIMEOUT_MS, Command, Health, Spec

if TYPE_CHECKING:
    from weft.resources import Expanded, Resource, WorkloadPlan
    from weft.resources.service import Health as WrittenHealth

ALL = None

LOOPBACK = "127.0.0.1"

# Output goes through a pipe: without it Python keeps lines back until a buffer is full, and a log that comes after the
# crash that it explains helps nobody.
USUAL_ENV = {"PYTHONUNBUFFERED": "1"}


def specs(
    expanded: Expanded, folder: Path, ports: Mapping[str, Sequence[int]], bind: str = LOOPBACK
) -> list[Spec]:
    """One spec per plan. `ports`: those of each service ("<namespace>/<service>") that the mesh has already.
    `bind`: where other proxies reach them."""
    known = {**ports, **declared(expanded)}
    return [_spec(plan, folder, known, bind) for plan in expanded.workloads]


def grants(expanded: Expanded) -> list[dict[str, object]]:
    """Which identities the workloads need, and for how many each: what a machine's token is made of."""
    found = Counter((plan.namespace, plan.account, plan.service) for plan in expanded.workloads)
    return [
        {"namespace": namespace, "service_account": account, "service": service or None, "uses": uses}
        for (namespace, account, service), uses in found.items()
    ]


def declared(expanded: Expanded) -> dict[str, tuple[int, ...]]:
    """Ports of the services of this file."""
    services = (resource for resource in expanded.resources if resource.KIND == "Service")
    return {f"{s.namespace}/{s.name}": tuple(p.port for p in s.spec.ports) for s in services}


def published(expanded: Expanded) -> dict[str, Target]:
    """Local addresses of this file and what each leads to."""
    return {local_address(p.local): Target(p.service, p.port) for p in expanded.published}


def places(expanded: Expanded, publish: Mapping[str, Target]) -> Iterator[str]:
    """For people: what is reached where."""
    services = (resource for resource in expanded.resources if resource.KIND == "Service")
    opaque = {Target(s.full_name, port.port) for s in services for port in s.spec.ports if port.opaque}
    for address, target in publish.items():
        where = address if target in opaque else f"http://{address}"
        yield f"{target.service.partition('/')[2]}:{target.port} at {where}"


def waits(expanded: Expanded) -> Iterator[str]:
    """For people: who starts after whom."""
    for plan in expanded.workloads:
        for needed, condition in plan.after.items():
            yield f"{plan.name} starts once {needed} {'is healthy' if condition == HEALTHY else 'was started'}"


def elsewhere(expanded: Expanded) -> Iterator[str]:
    """For people: what runs on which other machine."""
    for machine in expanded.machines:
        names = ", ".join(plan.name for plan in expanded.on(machine).workloads)
        yield f"on machine {machine}: {names}"


def local_address(port: int) -> str:
    """For the people and browsers of this machine; for others there are gateways."""
    return f"{LOOPBACK}:{port}"


def edge(title: str, namespace: str, publish: Mapping[str, Target], present: Collection[str] = ()) -> Spec:
    """The workload through which people and browsers come in, a proxy without an app: fixed local addresses, each
    leading to one service.

    `present`: workloads of the mesh, among them perhaps the edge of another file: names differ, the identity is one.
    """
    names = (f"{title}-{i}" if i > 1 else title for i in count(1))
    free = next(name for name in names if f"{namespace}/{name}" not in present)
    return Spec(free, namespace, account=title, publish=publish)


def admission(expanded: Expanded, publish: Mapping[str, Target]) -> list[Resource]:
    """What lets the edge in where not everybody is: whoever publishes a service means it to be called from outside.

    Only where something closes it: an Allow for the edge alone would shut out everybody else. What a route leads to
    from there is called by the edge as well.
    """
    from weft.resources import parse_document

    closed = _closed(expanded)
    services = sorted({name for target in publish.values() for name in _reached(expanded, target.service)})
    return [
        parse_document(
            {
                "apiVersion": "weft/v1",
                "kind": "AccessPolicy",
                "metadata": {"namespace": namespace, "name": f"{name}-{expanded.edge}"},
                "spec": {
                    "targetRefs": [{"kind": "Service", "name": name}],
                    "action": "Allow",
                    "rules": [{"from": [{"services": [expanded.edge]}]}],
                },
            }
        )
        for namespace, _, name in (service.partition("/") for service in services)
        if closed is ALL or f"{namespace}/{name}" in closed
    ]


def _reached(expanded: Expanded, service: str) -> Iterator[str]:
    """The service itself, and where the routes attached to it lead."""
    yield service
    for route in expanded.resources:
        if route.KIND == "HTTPRoute":
            parents = {f"{parent.namespace or route.namespace}/{parent.name}" for parent in route.spec.parent_refs}
            backends = (backend for rule in route.spec.rules for backend in rule.backend_refs if service in parents)
            yield from (f"{backend.namespace or route.namespace}/{backend.name}" for backend in backends)


def _closed(expanded: Expanded) -> set[str] | None:
    """Services that some Allow covers; ALL where the mesh denies by default."""
    found: set[str] = set()
    for resource in expanded.resources:
        if resource.KIND == "Mesh" and resource.spec.access.default == "deny":
            return ALL
        if resource.KIND == "AccessPolicy" and resource.spec.action == "Allow":
            found |= {f"{resource.namespace}/{target.name}" for target in resource.spec.target_refs}
    return found


def _spec(plan: WorkloadPlan, folder: Path, ports: Mapping[str, Sequence[int]], bind: str) -> Spec:
    return Spec(
        name=plan.name,
        namespace=plan.namespace,
        service=plan.service,
        version=plan.version,
        account=plan.account,
        labels={"version": plan.version} if plan.version else {},
        ports=plan.ports,
        calls=tuple(_targets(plan, ports)),
        command=Command(
            plan.command,
            env={**USUAL_ENV, **plan.env},
            directory=str((folder / plan.directory).absolute()),
            start_timeout_ms=plan.start_period_ms or START_TIMEOUT_MS,
            restart=plan.restart,
        ),
        after=plan.after,
        bind=bind,
        health=_health(plan.health) if plan.health else None,
    )


def _targets(plan: WorkloadPlan, ports: Mapping[str, Sequence[int]]) -> Iterable[Target]:
    for service in plan.calls:
        if service not in ports:
            raise WeftError(
                f"{plan.name} calls {service}, which is neither in this file nor in the mesh",
                "start the mesh that has it, and name its controller with --controller",
            )
        yield from (Target(service, port) for port in ports[service])


def _health(written: WrittenHealth) -> Health:
    return Health(
        http_path=written.http,
        grpc_service=written.grpc,
        port=written.port or 0,
        interval_ms=written.interval,
        timeout_ms=written.timeout,
        rise=written.rise,
        fall=written.fall,
    )
