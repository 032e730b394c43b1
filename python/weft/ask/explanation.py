"""An answer: the tables that a request passes, every rule tried in them, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tried:
    """One rule that was asked."""

    rule_id: str
    matched: bool
    # Why it did not match; of a rule that did, what it does.
    why: str = ""
    # "file:line", where it is known.
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What one table did."""

    table: str
    decision: str
    # What decided; empty where there was nothing to decide.
    rule_id: str = ""
    origin: str = ""
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """How it ends: `status` 0 means that the request reaches the app."""

    status: int
    reason: str = ""
    advice: str = ""
    rule_id: str = ""
    origin: str = ""
    # Of a redirect.
    location: str = ""

    def __str__(self) -> str:
        if not self.status:
            return "reaches the app"
        parts = [str(self.status), self.reason, f"to {self.location}" if self.location else ""]
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Path:
    """Where one share of the requests goes."""

    percent: float
    # Empty: answered before a backend was chosen.
    backend: str
    # The workloads for which it holds, as "<namespace>/<name>".
    endpoints: tuple[str, ...]
    steps: tuple[Step, ...]
    end: End


@dataclass(frozen=True, slots=True)
class Explanation:
    """`steps` are common to all requests like this one; `paths` begin where they part."""

    source: str
    destination: str
    method: str
    path: str
    steps: tuple[Step, ...] = ()
    paths: tuple[Path, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        return "\n".join(_lines(self))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `text` is what people read."""
        return {
            "source": self.source,
            "destination": self.destination,
            "method": self.method,
            "path": self.path,
            "steps": [_step(s) for s in self.steps],
            "paths": [
                {
                    "percent": p.percent,
                    "backend": p.backend,
                    "endpoints": list(p.endpoints),
                    "steps": [_step(s) for s in p.steps],
                    "end": {name: getattr(p.end, name) for name in End.__slots__},
                }
                for p in self.paths
            ],
            "notes": list(self.notes),
            "text": self.text,
        }


def _step(step: Step) -> dict[str, Any]:
    return {
        "table": step.table,
        "decision": step.decision,
        "rule_id": step.rule_id,
        "origin": step.origin,
        "tried": [{name: getattr(t, name) for name in Tried.__slots__} for t in step.tried],
    }


# How many endpoints a line names; the rest is counted.
MAX_NAMED = 3


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.source} → {explanation.destination}  {explanation.method} {explanation.path}"
    for step in explanation.steps:
        yield from _step_lines(step, "")
    for path in explanation.paths:
        yield ""
        indent = ""
        if path.backend:
            indent = "  "
            yield f"{path.percent:g} % to {path.backend}{_named(path.endpoints)}"
        for step in path.steps:
            yield from _step_lines(step, indent)
        share = f"{path.percent:g} % " if not path.backend and path.percent < 100 else ""
        yield f"{indent}{share}⇒ {path.end}{_by(path.end.rule_id, path.end.origin)}"
        if path.end.advice:
            yield f"{indent}  {path.end.advice}"
    for note in explanation.notes:
        yield f"\nnote: {note}"


def _step_lines(step: Step, indent: str) -> Iterator[str]:
    yield f"{indent}{step.table:<13}{step.decision}{_by(step.rule_id, step.origin)}"
    for tried in step.tried:
        sign = "✓" if tried.matched else "✗"
        why = f": {tried.why}" if tried.why else ""
        origin = f"  {tried.origin}" if tried.origin else ""
        yield f"{indent}  {sign} {tried.rule_id}{why}{origin}"


def _by(rule_id: str, origin: str) -> str:
    where = f" at {origin}" if origin else ""
    return f"  [{rule_id}{where}]" if rule_id else ""


def _named(endpoints: tuple[str, ...]) -> str:
    if not endpoints:
        return ""
    more = len(endpoints) - MAX_NAMED
    return ", " + ", ".join(endpoints[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
