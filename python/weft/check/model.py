"""One check and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Result: TypeAlias = Literal["ok", "warn", "fail", "skip"]

# Names that one line of a report holds; the number says the rest.
MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Check:
    """`id` is for programs and never changes; `what` should hold; `hint` says what to do when it does not."""

    id: str
    what: str
    result: Result
    detail: str = ""
    hint: str = ""


def holds(id: str, what: str, good: bool, detail: str, hint: str, otherwise: Result = "fail") -> Check:
    """ok when `good`; the hint is for when it is not."""
    return Check(id, what, "ok" if good else otherwise, detail, "" if good else hint)


def none_of(id: str, what: str, wrong: Sequence[str], hint: str, otherwise: Result = "fail") -> Check:
    """ok when nothing is wrong; else it names what is."""
    return holds(id, what, not wrong, named(wrong), hint, otherwise)


def skipped(id: str, what: str, why: str, hint: str = "") -> Check:
    return Check(id, what, "skip", why, hint)


def named(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
