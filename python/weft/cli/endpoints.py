"""`weft get endpoints`: who serves a service, whoever named them: written, discovered, registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.cli.options import Format, connect, qualified
from weft.cli.output import duration, emit

if TYPE_CHECKING:
    from weft.client.types import Endpoint

HEADERS = ("SERVICE", "ADDRESS", "VERSION", "HEALTH", "SEEN", "SOURCE")


def endpoints(service: str | None, namespace: str | None, output: Format, controller: str | None) -> None:
    full = qualified(service, namespace or "default") if service else None
    with connect(controller) as mesh:
        found = mesh.endpoints(None if full else namespace, full)
    emit(found, output, HEADERS, map(_row, found), f"no endpoints of {full}" if full else "no endpoints")


def _row(item: Endpoint) -> tuple[object, ...]:
    probe = {True: ", answers", False: ", does not answer"}.get(item.answers, "") if item.answers is not None else ""
    health = f"{item.health}{f' (stale{probe})' if item.stale else ''}"
    why = f": {item.problem}" if item.problem else ""
    seen = "" if item.seconds is None else f"{duration(item.seconds)} ago"
    # What serves without a service is known by its name.
    return f"{item.service}:{item.port}", item.address, item.version, health, seen, f"{item.source}{why}"
