"""Requests as they pass: what `Mesh.tap` gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from weft.client.decode import Malformed, decode
from weft.client.errors import MeshError, NotFound
from weft.client.seen import EdgeEnd

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TappedRequest:
    """One finished request, as the caller's proxy saw it; as the callee's, where the caller has none."""

    # When it began, Unix seconds.
    at: float
    id: str
    source: EdgeEnd
    destination: EdgeEnd
    # As the caller's certificate proves; "": no mTLS.
    principal: str = ""
    method: str = ""
    authority: str = ""
    # Without its query unless that was asked for.
    path: str = ""
    # None: no response was sent.
    status: int | None = None
    # Why weft answered instead of the app; "": it did not.
    reason: str = ""
    # The rule that decided.
    rule: str = ""
    latency_ms: float = 0.0
    request_bytes: int = 0
    response_bytes: int = 0
    retries: int = 0
    tls: str = ""
    protocol: str = ""
    port: int = 0
    side: str = ""


@dataclass(frozen=True, slots=True)
class NotTapped:
    workload: str
    why: str


@dataclass(frozen=True, slots=True)
class TapState:
    """Who is watched, and what was not shown."""

    # Proxies that show what fits.
    tapped: int = 0
    not_tapped: tuple[NotTapped, ...] = ()
    # Names of the filter that no service and no workload has.
    unknown: tuple[str, ...] = ()
    # Requests that fitted, beyond the rate that proxies and controller keep to.
    left_out: int = 0
    # Requests that this reader was too slow for.
    lost: int = 0


class Tapping:
    """Iterates over requests, without end; leave the `with` block, or `close`, and nobody is watched any more."""

    def __init__(
        self, lines: Generator[str, None, None], on_state: Callable[[TapState], None] | None = None
    ) -> None:
        self._lines, self._on_state = _heard(lines), on_state
        # What was last heard.
        self.state = TapState()

    def __iter__(self) -> Tapping:
        return self

    def __next__(self) -> TappedRequest:
        """Raises MeshError when the controller ends it: there is no good end but one's own."""
        for line in self._lines:
            item = _item(line)
            if item["type"] == "request":
                return _decode(TappedRequest, item)
            # What this version does not know is for newer ones.
            if item["type"] == "state":
                self.state = _decode(TapState, item)
                if self._on_state is not None:
                    self._on_state(self.state)
        raise MeshError("the controller has ended the tap", "it stops, or as many taps as there may be came between")

    def __enter__(self) -> Tapping:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()


def _heard(lines: Generator[str, None, None]) -> Generator[str, None, None]:
    try:
        yield from lines
    except NotFound as error:
        raise MeshError("this controller is older than taps", "upgrade it", status=error.status) from error


def _item(line: str) -> dict[str, Any]:
    try:
        item = json.loads(line)
    except ValueError:
        item = None
    if not isinstance(item, dict) or "type" not in item:
        raise MeshError(f"the controller sent what is no item of a tap: {line[:80]!r}", "is it a weft controller?")
    return item


def _decode(target: type[T], item: dict[str, Any]) -> T:
    try:
        return decode(target, item)
    except Malformed as error:
        raise MeshError(f"the controller's answer is not understood: {error}", "is it an older one?") from error
