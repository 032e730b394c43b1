"""What an apply would do: a pure function from the records that exist and the wishes to one result per object."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from weft.resources.ref import Ref
from weft.store.model import Conflict, Document, Record, Refusal, Result, Write


@dataclass(frozen=True, slots=True)
class Request:
    """One apply."""

    writes: Sequence[Write]
    owner: str | None = None
    # Delete what `owner` has and `writes` lacks.
    prune: bool = False
    # The revision that each object must have now; 0: it must not exist.
    expect: Mapping[Ref, int] = field(default_factory=dict)
    # Objects that are wrong in themselves, found before the store was asked.
    refused: Mapping[Ref, Refusal] = field(default_factory=dict)
    # Bad objects are left out; otherwise one bad object stops all.
    partial: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One object's part: what becomes of it, and the record to write (None: delete, or nothing to do)."""

    result: Result
    record: Record | None = None
    origin_moved: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    steps: tuple[Step, ...]
    # Some object is rejected and `partial` was not asked for: nothing may be written.
    stopped: bool

    @property
    def changes(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.result.action in ("created", "configured", "deleted"))

    @property
    def moved(self) -> tuple[Step, ...]:
        """Unchanged objects that now stand elsewhere: their origin is written, without a revision."""
        return tuple(step for step in self.steps if step.origin_moved)


def plan(current: Mapping[Ref, Record], request: Request, revision: int, now: float) -> Plan:
    """`current` holds at least the objects that are written, and all of `request.owner` when pruning."""
    steps = _duplicates(request.writes)
    twice = {step.result.ref for step in steps}
    wishes = [wish for wish in (*request.writes, *_pruned(current, request)) if wish.ref not in twice]
    steps += tuple(_step(wish, current.get(wish.ref), request, revision, now) for wish in wishes)
    rejected = any(step.result.action == "rejected" for step in steps)
    return Plan(steps, stopped=rejected and not request.partial)


def canonical(document: Document) -> str:
    """Equal for documents that say the same."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _duplicates(writes: Sequence[Write]) -> tuple[Step, ...]:
    counts = Counter(write.ref for write in writes)
    refusal = Refusal("it is written twice in one apply", "remove one of the two")
    return tuple(Step(Result(ref, "rejected", 0, refusal)) for ref, count in counts.items() if count > 1)


def _pruned(current: Mapping[Ref, Record], request: Request) -> Iterable[Write]:
    if not (request.prune and request.owner):
        return
    named = {write.ref for write in request.writes} | set(request.refused)
    for ref in sorted(current):
        if current[ref].owner == request.owner and ref not in named:
            yield Write(ref, None)


def _step(wish: Write, old: Record | None, request: Request, revision: int, now: float) -> Step:
    refusal = request.refused.get(wish.ref) or _conflict(wish.ref, old, request) or _foreign(old, request)
    if refusal is not None:
        return Step(Result(wish.ref, "rejected", old.revision if old else 0, refusal))
    if wish.document is None:
        return Step(Result(wish.ref, "deleted" if old else "unchanged"))
    if old is None:
        return _created(wish, wish.document, request, revision, now)
    return _updated(wish, wish.document, old, request, revision, now)


def _created(wish: Write, document: Document, request: Request, revision: int, now: float) -> Step:
    owner = request.owner or wish.owner
    born = now if wish.created_at is None else wish.created_at
    record = Record(wish.ref, document, revision, 1, born, now, owner, wish.origin)
    return Step(Result(wish.ref, "created", revision), record)


def _updated(wish: Write, document: Document, old: Record, request: Request, revision: int, now: float) -> Step:
    # A way back brings age and owner with it: what was deleted and made again since is not what it was.
    born = old.created_at if wish.created_at is None else wish.created_at
    owner = request.owner or wish.owner or old.owner
    if canonical(document) == canonical(old.document) and (owner, born) == (old.owner, old.created_at):
        moved = wish.origin is not None and wish.origin != old.origin
        record = Record(
            old.ref, old.document, old.revision, old.generation, old.created_at, old.updated_at, owner, wish.origin
        )
        return Step(Result(wish.ref, "unchanged", old.revision), record if moved else None, moved)
    same_spec = canonical({"spec": document.get("spec")}) == canonical({"spec": old.document.get("spec")})
    generation = old.generation if same_spec else old.generation + 1
    origin = wish.origin or old.origin
    record = Record(wish.ref, document, revision, generation, born, now, owner, origin)
    return Step(Result(wish.ref, "configured", revision), record)


def _conflict(ref: Ref, old: Record | None, request: Request) -> Conflict | None:
    expected = request.expect.get(ref)
    found = old.revision if old else 0
    if expected is None or expected == found:
        return None
    is_now = f"is at revision {found}" if old else "does not exist"
    wanted = f"revision {expected} was expected" if expected else "it was expected not to exist"
    return Conflict(f"{ref} {is_now}, {wanted}: somebody else changed it", "read it again and repeat your change")


def _foreign(old: Record | None, request: Request) -> Refusal | None:
    if old is None or request.owner is None or old.owner in (None, request.owner):
        return None
    return Refusal(
        f"{old.ref} belongs to owner {old.owner!r}, not {request.owner!r}",
        f"apply it with --owner {old.owner}, or delete it first",
    )
