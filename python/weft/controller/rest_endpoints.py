"""REST: everybody who serves a service, whoever named them: written, discovered, registered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from weft.compiler.connect import discovered_name
from weft.controller.rest_json import matching
from weft.discovery.keeper import Found
from weft.discovery.merge import place
from weft.resources.service import Service

if TYPE_CHECKING:
    from weft.controller.controller import Controller


class Endpoints:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    async def list(self, request: Request) -> Response:
        found = [*self._declared(), *self._registered()]
        chosen = [each for each in found if matching(request, ("namespace", "service"), each)]
        return JSONResponse({"endpoints": sorted(chosen, key=lambda each: (each["service"], each["port"]))})

    def _declared(self) -> Iterator[dict[str, Any]]:
        for service in self._controller.intent.services.values():
            yield from _written(service)
            found = self._controller.discovery.found.get(service.full_name)
            if found is not None:
                yield from self._discovered(service, found)

    def _discovered(self, service: Service, found: Found) -> Iterator[dict[str, Any]]:
        now = self._controller.clock.time()
        for each in found.told:
            known = found.known.get(each.source)
            answered = known.answered_at if known else None
            for port in service.spec.ports:
                yield _row(
                    service.full_name,
                    port.port,
                    discovered_name(service.full_name, each),
                    _shown(each.address, each.port or port.port),
                    each.source,
                    version=each.labels.get("version", ""),
                    zone=each.zone,
                    identity=each.identity,
                    health=each.health,
                    seconds=None if answered is None else max(now - answered, 0.0),
                    stale=each.stale,
                    answers=found.answers.get(place(each)) if each.stale else None,
                    problem=(known.problem if known else "") or None,
                )

    def _registered(self) -> Iterator[dict[str, Any]]:
        registry = self._controller.registry
        now = self._controller.clock.monotonic()
        for name, lease in sorted(registry.leases.all.items()):
            info = registry.info(lease)
            for port in info.ports:
                yield _row(
                    info.service,
                    port.port,
                    name,
                    _shown(port.address, port.listen_port),
                    "registered",
                    version=info.version,
                    zone=info.zone,
                    identity=info.identity,
                    health=info.health,
                    seconds=None if lease.lost_at is None else now - lease.lost_at,
                    stale=lease.lost_at is not None,
                    problem=lease.latest.health_reason or None,
                )


def _written(service: Service) -> Iterator[dict[str, Any]]:
    for number, each in enumerate(service.spec.endpoints):
        for port in service.spec.ports:
            yield _row(
                service.full_name,
                port.port,
                f"{service.full_name}-static-{number}",
                _shown(each.address, each.port or port.port),
                "written",
                version=each.labels.get("version", ""),
                zone=each.zone,
                identity=each.identity or "",
                health="healthy",
            )


def _row(service: str, port: int, workload: str, address: str, source: str, **more: Any) -> dict[str, Any]:
    namespace = service.partition("/")[0]
    head = {"service": service, "namespace": namespace, "port": port, "workload": workload, "address": address}
    return {**head, "source": source, "seconds": None, "stale": False, "answers": None, "problem": None, **more}


def _shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
