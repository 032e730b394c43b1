"""REST: requests as they pass, for one who watches."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from weft.controller.rest_json import ApiError, number
from weft.observe.taps import MAX_TAPS, Tap, TooManyTaps
from weft.v1 import control_pb2

if TYPE_CHECKING:
    from weft.controller.controller import Controller

QUERY = ("source", "destination", "method", "path", "status", "reason", "min_latency_ms", "query")
# How often a reader hears who cannot be tapped and what it has missed, also when nothing passes: clients wait for 30 s.
STATE_S = 5.0
# How soon it hears of a change of that.
ROUND_S = 0.5
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
STATUS = re.compile(r"[1-5](xx|[0-9]{2})")
# RFC 9110, 9.1: a token.
METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")
REASON = re.compile(r"[a-z0-9-]{1,64}")
MAX_PATH = 1024
DAY_MS = 86_400_000


class Tapping:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    async def tap(self, request: Request) -> Response:
        wanted, query = filter_of(request), flag(request, "query")
        taps = self._controller.taps
        if taps.is_full:
            raise ApiError(503, f"{MAX_TAPS} taps are open already", "end one of them")
        items = self._controller.until_stopped(self._items(wanted, query))
        return StreamingResponse(items, media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    async def _items(self, wanted: control_pb2.TapFilter, query: bool) -> AsyncGenerator[str, None]:
        """Opened here: what never begins never has to end."""
        try:
            tap = self._controller.taps.open(wanted, query)
        except TooManyTaps:
            return  # another one came between
        told: dict[str, Any] = {}
        at = self._controller.clock.monotonic()
        try:
            while True:
                now, state = self._controller.clock.monotonic(), self._state(tap)
                news = [*(record_json(each, query) for each in tap.take())]
                if state != told or now - at >= STATE_S:
                    news.insert(0, state)
                    told, at = state, now
                if news:
                    yield "".join(f"{json.dumps(each, separators=(',', ':'))}\n" for each in news)
                await self._news(tap)
        finally:
            self._controller.taps.close(tap)

    async def _news(self, tap: Tap) -> None:
        try:
            async with asyncio.timeout(ROUND_S):
                await tap.news.wait()
        except TimeoutError:
            return

    def _state(self, tap: Tap) -> dict[str, Any]:
        reporters = self._controller.taps.reporters
        return {
            "type": "state",
            "tapped": len(reporters - tap.refused.keys()),
            "not_tapped": sorted(self._not_tapped(tap, reporters), key=lambda each: each["workload"]),
            "unknown": [name for name in (tap.filter.source, tap.filter.destination) if name and not self._knows(name)],
            "left_out": tap.left_out,
            "lost": tap.lost,
        }

    def _not_tapped(self, tap: Tap, reporters: set[str]) -> Iterator[dict[str, str]]:
        for name, missing in tap.refused.items():
            yield {"workload": name, "why": f"its proxy does not know {', '.join(missing)}: it is older"}
        for lease in self._controller.registry.leases.all.values():
            if lease.name in reporters:
                continue
            version = lease.latest.proxy_version or "of no known version"
            cut_off = "its proxy has lost the controller"
            older = f"its proxy ({version}) has no tap stream: it is older than taps, or has just started"
            yield {"workload": lease.name, "why": cut_off if lease.lost_at is not None else older}

    def _knows(self, name: str) -> bool:
        controller = self._controller
        leases = controller.registry.leases.all
        return (
            name in controller.intent.services
            or name in leases
            or any(lease.latest.info.service == name for lease in leases.values())
        )


def filter_of(request: Request) -> control_pb2.TapFilter:
    """Only its form is looked at here; what it means is the proxies' business."""
    low, high = _status(_text(request, "status", STATUS, "a status like 503 or 5xx"))
    path = request.query_params.get("path") or ""
    if path and not (path.startswith("/") and len(path.encode()) <= MAX_PATH):
        raise ApiError(400, f"path must begin with / and have at most {MAX_PATH} bytes", "it is how a path begins")
    return control_pb2.TapFilter(
        source=_text(request, "source", NAME, "NAMESPACE/NAME of a service or workload"),
        destination=_text(request, "destination", NAME, "NAMESPACE/NAME of a service or workload"),
        method=_text(request, "method", METHOD, "a method like GET"),
        path=path,
        status_from=low,
        status_to=high,
        reason=_text(request, "reason", REASON, "a reason code like access-denied"),
        min_latency_us=int(1000 * number(request, "min_latency_ms", 0, 0, DAY_MS)),
    )


def _text(request: Request, name: str, form: re.Pattern[str], what: str) -> str:
    text = request.query_params.get(name) or ""
    if text and not form.fullmatch(text):
        raise ApiError(400, f"{name} is not {what}: {text[:80]!r}")
    return text


def _status(text: str) -> tuple[int, int]:
    if text.endswith("xx"):
        return int(text[0]) * 100, int(text[0]) * 100 + 99
    return (int(text), int(text)) if text else (0, 0)


def flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name) or "false"
    if text not in ("true", "false"):
        raise ApiError(400, f"{name} is neither true nor false: {text[:80]!r}")
    return text == "true"


def record_json(record: control_pb2.TapRecord, query: bool) -> dict[str, Any]:
    """`query` False: without, though another tap that shares the record may have asked for it."""
    edge = record.edge
    return {
        "type": "request",
        "at": record.unix_us / 1e6,
        "id": record.request_id,
        "source": {"workload": edge.source_workload, "service": edge.source_service, "version": edge.source_version},
        "destination": {
            "workload": edge.destination_workload,
            "service": edge.destination_service,
            "version": edge.destination_version,
        },
        "principal": record.principal,
        "method": record.method,
        "authority": record.authority,
        "path": record.path if query else record.path.partition("?")[0],
        "status": record.status or None,
        "reason": record.reason,
        "rule": record.rule_id,
        "latency_ms": record.latency_us / 1000,
        "request_bytes": record.request_bytes,
        "response_bytes": record.response_bytes,
        "retries": record.retries,
        "tls": edge.tls,
        "protocol": edge.protocol,
        "port": edge.port,
        "side": edge.side,
    }
