"""The pipeline's declarations, which the core owns: the compiler emits what they declare and nothing else.

Each field and action of a table has the name of a capability, and `requires.py` reads those names off every finished
message: so one comparison of names covers all that a message can contain.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from weft.compiler import core
from weft.compiler.model import Kind

# Which tables a delivered resource fills.
TABLES_OF: dict[Kind, tuple[str, ...]] = {
    "Frontend": ("resolve", "route"),
    "Backend": ("balance", "connect"),
    "Endpoints": ("balance", "connect"),
    "Inbound": ("accept", "authenticate", "authorise", "deliver"),
    "Mesh": ("resolve",),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A field or an action. `layer` is empty for an action; `capability` is empty when every proxy has it."""

    name: str
    capability: str
    layer: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    pipeline: str
    # "steer": the caller's proxy acts. "protect": the callee's.
    purpose: str
    about: str
    fields: tuple[Part, ...]
    actions: tuple[Part, ...]
    next: tuple[str, ...]


@cache
def declared() -> tuple[Table, ...]:
    return tuple(_table(t) for t in json.loads(core.tables()))


def _table(raw: dict[str, Any]) -> Table:
    fields = tuple(Part(f["name"], f["capability"], f["layer"]) for f in raw["fields"])
    actions = tuple(Part(a["name"], a["capability"]) for a in raw["actions"])
    return Table(raw["name"], raw["pipeline"], raw["purpose"], raw["about"], fields, actions, tuple(raw["next"]))


@cache
def names_of(kind: Kind) -> frozenset[str]:
    """Everything that a resource of this kind may contain, by capability."""
    tables = (t for t in declared() if t.name in TABLES_OF[kind])
    return frozenset(part.capability for t in tables for part in (*t.fields, *t.actions))


def assert_declared(kind: Kind, requires: frozenset[str]) -> None:
    if not requires <= names_of(kind):
        extra = ", ".join(sorted(requires - names_of(kind)))
        raise AssertionError(f"the compiler put into a {kind} what no table of it declares: {extra}")
