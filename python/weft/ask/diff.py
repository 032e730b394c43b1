"""What an edit would change in the program, and so for which traffic: two compilations side by side."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf import text_format

from weft.compiler.model import Compiled, Delivered, Key, Kind

# The order in which people read: what is called, then where it goes, then who may.
_ORDER: tuple[Kind, ...] = ("Mesh", "Frontend", "Backend", "Endpoints", "Inbound")


@dataclass(frozen=True, slots=True)
class Change:
    """One delivered resource that would differ."""

    kind: Kind
    key: str
    action: Literal["added", "changed", "removed"]
    # For whom or what this is, in a few words.
    about: str
    # "+ …" and "- …", without context.
    lines: tuple[str, ...]
    # The resources that shape it now, or did.
    origins: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "key": self.key,
            "action": self.action,
            "about": self.about,
            "lines": list(self.lines),
            "origins": list(self.origins),
        }


def diff(old: Compiled, new: Compiled) -> list[Change]:
    """Every delivered resource whose content differs, in reading order; empty: no proxy would notice."""
    return list(_changes(old.delivered, new.delivered))


def to_text(changes: list[Change]) -> str:
    return "\n\n".join("\n".join([f"{c.action} {c.kind} {c.key}: {c.about}", *c.lines]) for c in changes)


def _changes(old: Mapping[Key, Delivered], new: Mapping[Key, Delivered]) -> Iterator[Change]:
    for key in sorted({*old, *new}, key=lambda k: (_ORDER.index(k[0]), k[1])):
        before, after = old.get(key), new.get(key)
        if before is None or after is None or before.version != after.version:
            yield _change(key, before, after)


def _change(key: Key, before: Delivered | None, after: Delivered | None) -> Change:
    action: Literal["added", "changed", "removed"] = "changed"
    if before is None or after is None:
        action = "added" if before is None else "removed"
    origins = {str(ref) for d in (before, after) if d for ref in d.origins}
    return Change(key[0], key[1], action, _about(*key), tuple(_lines(before, after)), tuple(sorted(origins)))


def _lines(before: Delivered | None, after: Delivered | None) -> Iterator[str]:
    was, becomes = (text_format.MessageToString(d.message).splitlines() if d else [] for d in (before, after))
    for line in difflib.ndiff(was, becomes):
        if line[:2] in ("+ ", "- "):
            yield line.rstrip()


def _about(kind: Kind, key: str) -> str:
    if kind == "Frontend":
        target, _, client = key.rpartition("@")
        return f"calls to {target}" + (f" from namespace {client}" if client != "*" else "")
    return {
        "Backend": "how callers talk to it",
        "Endpoints": "who serves it",
        "Inbound": "who may call this workload",
        "Mesh": "every proxy",
    }[kind]
