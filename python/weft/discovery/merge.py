"""What all sources of one service found, as one set, with the health that the mesh goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from weft.compiler.model import Discovered, Health

# Address and port; port 0 is the service's.
Place: TypeAlias = tuple[str, int]


def place(endpoint: Discovered) -> Place:
    return endpoint.address, endpoint.port


def merged(found: Iterable[Discovered], answers: Mapping[Place, bool]) -> tuple[Discovered, ...]:
    """One endpoint per place, in the order of the sources; of a fresh and a stale one the fresh.

    `answers`: whether a stale one accepted a connection when it was last tried. One that did not is unhealthy only
    while another is alive: a set is never emptied, and a controller that reaches none of them may be the one cut off.
    """
    first: dict[Place, Discovered] = {}
    for endpoint in found:
        here = first.setdefault(place(endpoint), endpoint)
        if here.stale and not endpoint.stale:
            first[place(endpoint)] = endpoint
    alive = any(not each.stale or answers.get(where) for where, each in first.items())
    health = {where: _health(each, answers.get(where), alive) for where, each in first.items()}
    return tuple(e if e.health == health[where] else replace(e, health=health[where]) for where, e in first.items())


def _health(endpoint: Discovered, answers: bool | None, alive: bool) -> Health:
    if not endpoint.stale or answers:
        return "healthy"
    return "unhealthy" if answers is False and alive else "unknown"
