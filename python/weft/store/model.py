"""The store's values: plain, immutable, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from weft.resources.ref import Origin, Ref

Action: TypeAlias = Literal["created", "configured", "unchanged", "deleted", "rejected"]
Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """One resource as it is kept. `origin` is kept apart: where something stands is not what it says."""

    ref: Ref
    document: Document
    revision: int
    # Counts changes of `spec`.
    generation: int
    # Unix seconds; survives deletion and roll-back, because route precedence depends on it.
    created_at: float
    updated_at: float
    owner: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A wish: this resource shall read like this; `document` None: it shall not exist."""

    ref: Ref
    document: Document | None
    origin: Origin | None = None
    # Set on roll-back: what comes back was created then, not now, and belongs to whom it belonged.
    created_at: float | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one object was not written."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Conflict(Refusal):
    """`expect` named another revision than the object has."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one object; `revision` is the object's own after the apply (0: it does not exist)."""

    ref: Ref
    action: Action
    revision: int = 0
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What one apply did. `revision` is the store's; `written` is False when nothing had to be, or nothing could be."""

    revision: int
    results: tuple[Result, ...] = ()
    written: bool = False

    @property
    def rejected(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.action == "rejected")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of history."""

    revision: int
    ref: Ref
    action: Action
    # None: deleted.
    document: Document | None
    generation: int
    created_at: float
    at: float
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A join token as it is kept: the secret's hash, never the secret."""

    id: str
    secret_sha256: bytes
    namespace: str
    service_account: str
    # "<namespace>/<service>" that its holder may serve; empty: any that the account may.
    service: str
    created_at: float
    expires_at: float
    uses: int = 1
    used: int = 0
    # Who used it, for people: workloads, in order.
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """One SVID that the CA gave out. It binds what the certificate itself cannot say: workload and service."""

    # Lower-case hex.
    serial: str
    spiffe_id: str
    # "<namespace>/<workload>"; empty: any workload of the account.
    workload: str
    service: str
    # "token", "svid", "unix"
    proof: str
    not_before: float
    not_after: float


@dataclass(frozen=True, slots=True)
class Registration:
    """A workload's registration as it survives a restart of the controller: an opaque value under its name."""

    name: str
    payload: bytes = field(repr=False)
