"""REST: the live picture as server-sent events, for the dashboard.

A reader has no queue. Each round it gets what is true now where that has changed, and the events since the number that
it had last: who reads slowly misses rounds, not facts. Events that the ring no longer holds are counted as lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from weft.controller.rest_json import ApiError
from weft.controller.rest_observe import Observation
from weft.controller.rest_state import State

if TYPE_CHECKING:
    from weft.controller.controller import Controller

# Proxies report once a second.
ROUND_S = 1.0
# Rounds without news until we say that we are still here; a page that hears nothing for three times as long connects
# anew. A comment would not do: a browser keeps those for itself.
QUIET_ROUNDS = 5
# What the graph's rates are of: long enough to be calm, short enough to be now.
EDGES_S = 60.0
# Each costs a connection of the listener's 500, and people have tabs.
MAX_READERS = 64
NUMBER = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")


class Live:
    def __init__(self, controller: Controller, state: State, observation: Observation) -> None:
        self._controller, self._state, self._observation = controller, state, observation
        self._readers = 0
        # Of one round, shared by all readers.
        self._at, self._parts = -1.0, dict[str, str]()

    async def stream(self, request: Request) -> Response:
        if self._readers >= MAX_READERS:
            raise ApiError(503, f"{MAX_READERS} readers follow this controller already", "close a tab")
        items = self._controller.until_stopped(self._items(self._number(request)))
        return StreamingResponse(items, media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def _items(self, after: int) -> AsyncGenerator[str, None]:
        self._readers += 1
        sent: dict[str, str] = {}
        quiet = 0
        try:
            yield "retry: 1000\n\n"
            while True:
                # `revisions` first: a page that sees another controller forgets the events of the one before.
                news = [*self._changed(sent), *self._events(after)]
                after = self._controller.events.last
                quiet = 0 if news else quiet + 1
                if news or quiet % QUIET_ROUNDS == 0:
                    yield "".join(news) or _item("here", {})
                await self._controller.clock.sleep(ROUND_S)
        finally:
            self._readers -= 1

    def _events(self, after: int) -> Iterator[str]:
        ring = self._controller.events
        found, lost = ring.after(after)
        if found or lost:
            number = f"{self._epoch}-{ring.last}"
            yield _item("events", {"events": [asdict(event) for event in found], "lost": lost}, number)

    @property
    def _epoch(self) -> int:
        """Tells this controller's numbers from those of the one before, whose events are gone with it."""
        return int(self._controller.started_at * 1000)

    def _number(self, request: Request) -> int:
        """Where to read on. A browser sends back what it was given, so anything else is nobody's number."""
        text = request.headers.get("last-event-id") or "0-0"
        if not NUMBER.fullmatch(text):
            raise ApiError(400, f"Last-Event-ID is none of ours: {text[:40]!r}", "leave it out to begin anew")
        epoch, _, number = text.partition("-")
        return int(number) if int(epoch) == self._epoch else 0

    def _changed(self, sent: dict[str, str]) -> Iterator[str]:
        for name, text in self._current().items():
            if sent.get(name) != text:
                sent[name] = text
                yield text

    def _current(self) -> dict[str, str]:
        now = self._controller.clock.monotonic()
        if now - self._at >= ROUND_S / 2 or not self._parts:
            self._at = now
            self._parts = {name: _item(name, make()) for name, make in self._makers().items()}
        return self._parts

    def _makers(self) -> dict[str, Callable[[], Any]]:
        return {
            "revisions": self._revisions,
            "edges": lambda: self._observation.edge_list(EDGES_S, "version"),
            "services": self._state.service_list,
            "workloads": self._workloads,
        }

    def _workloads(self) -> list[dict[str, Any]]:
        """Without what is another number each second: readers have clocks."""
        ticking = ("certificate_seconds_left", "lost_seconds")
        return [{k: v for k, v in each.items() if k not in ticking} for each in self._state.workload_list()]

    def _revisions(self) -> dict[str, Any]:
        controller = self._controller
        compiled = controller.compiling.revision
        # `started_at` tells a reader that numbers begin anew.
        return {
            "revision": controller.store.revision,
            "compiled_revision": compiled,
            "started_at": controller.started_at,
        }


def _item(name: str, data: Any, number: str = "") -> str:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
