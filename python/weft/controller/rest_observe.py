"""REST: what the mesh does: edges, rules, events, single requests."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from weft.controller.lookup import look_up
from weft.controller.rest_json import ApiError, matching, number, origin_json
from weft.observe.counters import (
    CLASSES,
    CONNECTIONS,
    FAILURES,
    REASONS,
    REQUEST_BYTES,
    REQUESTS,
    RESPONSE_BYTES,
    RETRIES,
    RETRIES_SAVED,
    Counters,
)
from weft.observe.edges import KEPT_S, By, EdgeView
from weft.observe.events import SEVERITIES, Event
from weft.observe.histogram import percentile_us

if TYPE_CHECKING:
    from weft.controller.controller import Controller

# Below the patience of clients and of what may stand between (30 s is a usual limit for a silent answer).
MAX_WAIT_S = 25
BY: dict[str, By] = {"service": "service", "version": "version", "workload": "workload"}


class Observation:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    async def edges(self, request: Request) -> Response:
        seconds, by = _window(request)
        namespace = request.query_params.get("namespace")
        return JSONResponse({"seconds": seconds, "edges": self.edge_list(seconds, by, namespace)})

    def edge_list(self, seconds: float, by: By, namespace: str | None = None) -> list[dict[str, Any]]:
        views = self._controller.edges.edges(self._controller.clock.time(), seconds, by)
        return [self._edge(view) for view in views if not namespace or _touches(view, namespace)]

    async def signals(self, request: Request) -> Response:
        seconds, by = _window(request)
        inside = f"{request.query_params.get('namespace') or ''}/"
        found = [
            {"of": asdict(end), **self._numbers(counters, seconds)}
            for end, counters in self._controller.edges.towards(self._controller.clock.time(), seconds, by)
            if inside == "/" or (end.service or end.workload).startswith(inside)
        ]
        return JSONResponse({"seconds": seconds, "signals": found})

    async def history(self, request: Request) -> Response:
        seconds = number(request, "seconds", KEPT_S, 1, KEPT_S)
        step = int(number(request, "step", 10, 1, KEPT_S))
        source, destination = (request.query_params.get(name, "") for name in ("source", "destination"))
        points = self._controller.edges.history(self._controller.clock.time(), seconds, step, source, destination)
        found = [
            {
                "at": at,
                "requests": counters.get(REQUESTS, 0),
                "failures": counters.get(FAILURES, 0),
                **_latency(counters),
            }
            for at, counters in points
        ]
        return JSONResponse({"step": step, "points": found})

    async def rules(self, request: Request) -> Response:
        found = [
            {"rule_id": rule, **asdict(hits), "origin": origin_json(self._controller.intent.origin(rule))}
            for rule, hits in self._controller.rules.all().items()
        ]
        return JSONResponse({"rules": found})

    async def events(self, request: Request) -> Response:
        after = int(number(request, "after", 0, 0, 2**53))
        limit = int(number(request, "limit", 1000, 1, 1000))
        wait = number(request, "wait", 0, 0, MAX_WAIT_S)
        least = request.query_params.get("severity") or "info"
        if least not in SEVERITIES:
            raise ApiError(400, f"severity is none of {', '.join(SEVERITIES)}")
        ring, reads_on = self._controller.events, bool(request.query_params.get("after"))

        def chosen() -> list[Event]:
            return [event for event in ring.after(after)[0] if _asked_for(request, event, least)]

        # A number beyond the last is of a controller before this one: who asks has to hear that now.
        if wait and reads_on and after <= ring.last:
            await self._controller.wait_until(lambda: bool(chosen()), ring.wait, wait)
        found, lost = chosen(), ring.after(after)[1]
        # With a number to read on from the oldest come first; without one, people want the newest.
        page = [asdict(event) for event in (found[:limit] if reads_on else found[-limit:])]
        return JSONResponse({"events": page, "last": ring.last, "lost": lost, "more": len(found) > limit})

    async def request(self, request: Request) -> Response:
        leases = self._controller.registry.leases.all.values()
        return JSONResponse(await look_up(request.path_params["id"], leases))

    def _edge(self, view: EdgeView) -> dict[str, Any]:
        return {
            "source": asdict(view.id.source),
            "destination": asdict(view.id.destination),
            "tls": view.id.tls,
            "protocol": view.id.protocol,
            "port": view.id.port,
            "side": view.id.side,
            **self._numbers(view.counters, view.seconds),
        }

    def _numbers(self, counters: Counters, seconds: float) -> dict[str, Any]:
        reasons = self._controller.edges.reasons
        requests, failures = counters.get(REQUESTS, 0), counters.get(FAILURES, 0)
        return {
            "requests": requests,
            "failures": failures,
            "retries": counters.get(RETRIES, 0),
            "retries_saved": counters.get(RETRIES_SAVED, 0),
            "connections": counters.get(CONNECTIONS, 0),
            "request_bytes": counters.get(REQUEST_BYTES, 0),
            "response_bytes": counters.get(RESPONSE_BYTES, 0),
            "classes": {f"{number}xx": counters.get(slot, 0) for number, slot in enumerate(CLASSES, 1)},
            "requests_per_second": requests / seconds,
            "success_rate": (requests - failures) / requests if requests else None,
            **_latency(counters),
            "reasons": {reasons.name(slot): count for slot, count in sorted(counters.items()) if slot >= REASONS},
        }


def _window(request: Request) -> tuple[float, By]:
    by = BY.get(request.query_params.get("by") or "service")
    if by is None:
        raise ApiError(400, "by is none of service, version, workload")
    return number(request, "seconds", 60, 1, KEPT_S), by


def _latency(counters: Counters) -> dict[str, float | None]:
    counts = counters.latency()
    found = {f"p{percent}_ms": percentile_us(counts, percent / 100) for percent in (50, 90, 95, 99)}
    return {name: None if us is None else us / 1000 for name, us in found.items()}


def _asked_for(request: Request, event: Event, least: str) -> bool:
    grave = SEVERITIES.index(event.severity) >= SEVERITIES.index(least)
    about = request.query_params.get("subject", "") in event.subject
    return grave and about and matching(request, ("kind",), {"kind": event.kind})


def _touches(view: EdgeView, namespace: str) -> bool:
    names = (view.id.source.service, view.id.source.workload, view.id.destination.service)
    return any(name.startswith(namespace + "/") for name in names)
