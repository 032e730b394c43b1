"""REST: what became of it: status, workloads, services, programs, explain."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from weft import __version__
from weft.controller.admission import not_serving, unreachable
from weft.controller.compiling import CompilerGone
from weft.controller.leases import Lease
from weft.controller.rest_json import ApiError, Body, body_of, condition_json, matching, names_of, origin_json
from weft.controller.status import programmed
from weft.controller.stream import ProxyStream
from weft.controller.topics import RANK, Entry
from weft.discovery import report
from weft.resources.ref import Ref
from weft.resources.service import Service
from weft.store.model import Record
from weft.v1 import program_pb2

if TYPE_CHECKING:
    from weft.compiler.model import Condition
    from weft.controller.controller import Controller

# Names listed of what one proxy has not applied yet; the numbers tell of the rest.
MAX_LISTED = 50
# A compile that stands before it takes seconds; the status must not.
ENFORCED_TIMEOUT_S = 2.0


class ExplainBody(Body):
    source: str = Field(alias="from")
    to: str
    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = Field(default_factory=dict)


class State:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    async def status(self, request: Request) -> Response:
        controller = self._controller
        wanted = [
            record
            for ref, record in sorted(controller.intent.records.items())
            if matching(request, ("kind", "namespace", "name"), names_of(ref))
        ]
        enforced = await self._enforced([record.ref for record in wanted])
        objects = [self._object(record, enforced.get(record.ref)) for record in wanted]
        revisions = {"revision": controller.store.revision, "compiled_revision": controller.compiling.revision}
        return JSONResponse({**revisions, "objects": objects})

    async def _enforced(self, refs: list[Ref]) -> dict[Ref, Condition]:
        """Left out rather than waited for: who asks in trouble needs the rest now."""
        if not refs:
            return {}
        try:
            found: dict[Ref, Condition] = await self._controller.compiling.ask("enforced", refs, ENFORCED_TIMEOUT_S)
        except CompilerGone:
            return {}
        return found

    async def workloads(self, request: Request) -> Response:
        found = [each for each in self.workload_list() if matching(request, ("namespace", "service"), each)]
        return JSONResponse({"workloads": found})

    def workload_list(self) -> list[dict[str, Any]]:
        streams: dict[str, ProxyStream] = {}
        for connection in self._controller.delivery.connections:
            streams.setdefault(connection.node, connection.stream)
        leases = sorted(self._controller.registry.leases.all.items())
        return [self._workload(lease, streams.get(name)) for name, lease in leases]

    async def services(self, request: Request) -> Response:
        found = [each for each in self.service_list() if matching(request, ("namespace",), each)]
        return JSONResponse({"services": found})

    def service_list(self) -> list[dict[str, Any]]:
        """Declared ones, and names under which workloads have registered all the same."""
        declared = self._controller.intent.services
        counts: dict[str, list[int]] = {}
        for lease in self._controller.registry.leases.all.values():
            info = self._controller.registry.info(lease)
            if info.service:
                count = counts.setdefault(info.service, [0, 0])
                count[0] += 1
                count[1] += info.health == "healthy"
        found = []
        discovered = self._controller.discovery.found
        for name in sorted({*declared, *counts}):
            namespace, _, short = name.partition("/")
            workloads, healthy = counts.get(name, (0, 0))
            found.append(
                {
                    "name": name,
                    "namespace": namespace,
                    "service": short,
                    "declared": name in declared,
                    "ports": _ports(declared.get(name)),
                    "workloads": workloads,
                    "healthy": healthy,
                    "sources": report.sources_json(discovered[name]) if name in discovered else [],
                }
            )
        return found

    async def programs(self, request: Request) -> Response:
        entries = [self._controller.topics.entries[key] for key in sorted(self._controller.topics.entries)]
        return JSONResponse({"programs": [_head(entry) for entry in entries]})

    async def program(self, request: Request) -> Response:
        kind, key = request.path_params["kind"], request.query_params.get("key")
        if kind not in RANK:
            raise ApiError(404, f"there is no kind of program {kind!r}", f"one of {', '.join(RANK)}")
        if key:
            found = self._controller.topics.find(kind, key)
            if found is None:
                raise ApiError(404, f"there is no {kind} {key}", "GET /v1/programs lists what there is")
            return JSONResponse({"programs": [_whole(found)]})
        entries = sorted(self._controller.topics.entries.items())
        return JSONResponse({"programs": [_whole(entry) for (of, _), entry in entries if of == kind]})

    async def explain(self, request: Request) -> Response:
        body = await body_of(request, ExplainBody)
        answer = await self._controller.compiling.ask("explain", body.model_dump(by_alias=True))
        if "error" in answer:
            raise ApiError(400, answer["error"], answer.get("hint"))
        return JSONResponse(answer)

    async def health(self, request: Request) -> Response:
        controller = self._controller
        problems = controller.problems()
        starting = not controller.topics.ready
        status = "starting" if starting else "degraded" if problems else "ok"
        content = {
            "status": status,
            "version": __version__,
            "revision": controller.store.revision,
            "compiled_revision": controller.compiling.revision,
            "trust_domain": controller.authority.trust_domain,
            "started_at": controller.started_at,
            "streams": len(controller.delivery.connections),
            "workloads": len(controller.registry.leases.all),
            "grpc_address": str(controller.grpc_address),
            "join_address": str(controller.join_address),
            "unix_socket": str(controller.state.socket),
            "problems": problems,
        }
        return JSONResponse(content, 503 if starting else 200)

    def _object(self, record: Record, enforced: Condition | None) -> dict[str, Any]:
        controller = self._controller
        state = programmed(controller.topics, record.ref)
        status = controller.statuses.get(record.ref)
        conditions = [*(status.conditions if status else ()), *((enforced,) if enforced else ())]
        found = controller.discovery.found.get(f"{record.ref.namespace}/{record.ref.name}")
        if found is not None and record.ref.kind == Service.KIND:
            conditions.append(report.condition(found, controller.clock.time()))
        if status is None or controller.compiling.revision < record.revision:
            conditions = [*conditions, state.not_compiled()]
        elif (accepted := status.condition("Accepted")) is None or accepted.status != "False":
            conditions.append(state.condition())
        return {
            "ref": str(record.ref),
            "revision": record.revision,
            "generation": record.generation,
            "owner": record.owner,
            "origin": origin_json(record.origin),
            "conditions": [condition_json(condition) for condition in conditions],
            "programmed": {
                "applied": state.applied,
                "needed": state.needed,
                "missing": [
                    {"workload": one.workload, "reason": one.reason, "capabilities": list(one.capabilities)}
                    for one in state.missing
                ],
            },
        }

    def _workload(self, lease: Lease, stream: ProxyStream | None) -> dict[str, Any]:
        controller = self._controller
        said, info = lease.latest, controller.registry.info(lease)
        end = said.certificate_not_after or None
        lost = None if lease.lost_at is None else controller.clock.monotonic() - lease.lost_at
        return {
            "name": info.name,
            "namespace": info.namespace,
            "service": info.service,
            "version": info.version,
            "labels": dict(info.labels),
            "zone": info.zone,
            "identity": info.identity,
            "health": info.health,
            "health_reason": said.health_reason,
            "lease": "attached" if lost is None else "lost",
            "lost_seconds": lost,
            "ports": [asdict(port) for port in info.ports],
            "admin": said.admin,
            "proxy_version": said.proxy_version,
            "capabilities": sorted(info.capabilities),
            "certificate_not_after": end,
            "certificate_seconds_left": end - controller.clock.time() if end else None,
            "clock_ahead_s": said.clock_ahead_s,
            "sync": _sync(stream),
            "problems": self._problems(lease),
        }

    def _problems(self, lease: Lease) -> list[str]:
        found = (unreachable(lease.latest), not_serving(lease.latest, self._controller.intent.services))
        return [problem for problem in found if problem]


def _sync(stream: ProxyStream | None) -> dict[str, Any]:
    if stream is None:
        return {"connected": False, "subscriptions": 0, "current": 0, "pending": [], "rejected": []}
    pending = stream.pending
    rejected = [
        {
            "kind": topic.kind,
            "name": topic.name,
            "version": slot.rejection.version,
            "reason": slot.rejection.reason,
            "missing": list(slot.rejection.missing),
        }
        for topic, slot in stream.slots.items()
        if slot.rejection is not None
    ]
    return {
        "connected": True,
        "subscriptions": len(stream.slots),
        "current": len(stream.slots) - len(pending),
        "pending": sorted(repr(topic) for topic in pending)[:MAX_LISTED],
        "rejected": rejected[:MAX_LISTED],
    }


def _ports(service: Service | None) -> list[dict[str, Any]]:
    ports = service.spec.ports if service else ()
    return [{"port": port.port, "protocol": port.speaks or "detect", "name": port.name} for port in ports]


def _head(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "key": entry.key,
        "version": entry.version,
        "origins": sorted(map(str, entry.origins)),
        "requires": sorted(entry.requires),
    }


def _whole(entry: Entry) -> dict[str, Any]:
    message = getattr(program_pb2, entry.kind).FromString(entry.content)
    content = MessageToDict(message, preserving_proto_field_name=True)
    return {**_head(entry), "needs": [{"kind": kind, "key": key} for kind, key in entry.needs], "content": content}
