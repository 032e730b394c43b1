"""Resources: what was applied, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written; line 0: unknown."""

    file: str
    line: int = 0
    column: int = 0
    rules: tuple[int, ...] = ()

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


@dataclass(frozen=True, slots=True)
class Problem:
    message: str
    hint: str | None = None
    ref: str | None = None
    field: str | None = None
    origin: Origin | None = None
    severity: str = "error"

    def __str__(self) -> str:
        place = str(self.origin) if self.origin else self.ref
        return f"{place}: {self.message}" if place else self.message


@dataclass(frozen=True, slots=True)
class StoredResource:
    ref: str
    document: dict[str, Any]
    revision: int = 0
    generation: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    owner: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one resource: created, configured, unchanged, deleted, rejected."""

    ref: str
    action: str
    revision: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    revision: int
    results: tuple[Result, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PastChange:
    """One line of a resource's history; no document: it was deleted."""

    revision: int
    ref: str
    action: str
    at: float = 0.0
    generation: int = 0
    owner: str | None = None
    document: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChangedRef:
    ref: str
    action: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """What one apply, delete or roll-back changed; `count`: all of it, where `changes` is cut off."""

    revision: int
    at: float = 0.0
    changes: tuple[ChangedRef, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    status: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    workload: str
    reason: str = ""
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Programmed:
    applied: int = 0
    needed: int = 0
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    ref: str
    revision: int = 0
    generation: int = 0
    owner: str | None = None
    origin: Origin | None = None
    conditions: tuple[Condition, ...] = ()
    programmed: Programmed = field(default_factory=Programmed)


@dataclass(frozen=True, slots=True)
class Status:
    revision: int
    compiled_revision: int = 0
    objects: tuple[ObjectStatus, ...] = ()
