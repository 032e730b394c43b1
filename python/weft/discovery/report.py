"""How discovery stands, for people: the condition of a Service, and what REST says of its sources."""

from __future__ import annotations

from typing import Any

from weft.compiler.model import Condition
from weft.discovery.keeper import Found
from weft.discovery.known import Known
from weft.discovery.merge import place


def condition(found: Found, unix: float) -> Condition:
    problems = [known for known in found.known.values() if known.problem]
    count, stale = len(found.told), sum(endpoint.stale for endpoint in found.told)
    if problems:
        said = "; ".join(_sentence(known, unix) for known in problems)
        if not count:
            return Condition("Discovered", "False", "NothingFound", said)
        kept = f"; {stale} of {count} endpoints are stale" if stale else ""
        return Condition("Discovered", "Partial", "Stale" if stale else "Failing", said + kept)
    if found.waiting:
        return Condition("Discovered", "Unknown", "Asking", "its sources have not answered yet")
    return Condition("Discovered", "True", "Discovered", f"{count} endpoint{'' if count == 1 else 's'}")


def sources_json(found: Found) -> list[dict[str, Any]]:
    return [_source(found, known) for known in found.known.values()]


def _source(found: Found, known: Known) -> dict[str, Any]:
    own = [endpoint for endpoint in found.told if endpoint.source == known.name]
    stale = sum(endpoint.stale for endpoint in own)
    pending = not known.asked and not known.parts
    return {
        "source": known.name,
        "state": "pending" if pending else "stale" if stale else "failing" if known.problem else "fresh",
        "problem": known.problem or None,
        "endpoints": [
            {
                "address": endpoint.address,
                "port": endpoint.port or None,
                "labels": dict(endpoint.labels),
                "weight": endpoint.weight,
                "priority": endpoint.priority,
                "zone": endpoint.zone,
                "identity": endpoint.identity,
                "health": endpoint.health,
                "stale": endpoint.stale,
                "answers": found.answers.get(place(endpoint)) if endpoint.stale else None,
            }
            for endpoint in own
        ],
    }


def _sentence(known: Known, unix: float) -> str:
    if known.answered_at is None:
        return known.problem
    return f"{known.problem} (last answer {max(unix - known.answered_at, 0):.0f} s ago)"
