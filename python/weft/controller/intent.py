"""What people want: applied, checked, stored, remembered, handed to the compiler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.controller.compiling import Compiling
from weft.controller.worker import Checked, Item
from weft.observe.events import EventRing
from weft.resources.parse import parse_document
from weft.resources.problem import Problem, Problems
from weft.resources.ref import Origin, Ref
from weft.resources.service import Service
from weft.store.model import Action, Applied, Conflict, Record, Refusal, Result, Write
from weft.store.plan import Request
from weft.store.store import Store

log = logging.getLogger("weft.controller.intent")


@dataclass(frozen=True, slots=True)
class Order:
    """One apply, as it came in. `documents`: the resource as written, and where."""

    documents: Sequence[tuple[Any, Origin | None]]
    owner: str | None = None
    prune: bool = False
    dry_run: bool = False
    partial: bool = False
    expect: Mapping[Ref, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document."""

    ref: str
    action: Action
    revision: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    revision: int
    dry_run: bool
    outcomes: tuple[Outcome, ...]
    # Some object was rejected, and nothing was written because of it.
    stopped: bool = False
    conflict: bool = False


class Intent:
    """All resources, in memory as in the store. One apply at a time: what was checked is what is written."""

    def __init__(
        self,
        store: Store,
        compiling: Compiling,
        events: EventRing,
        on_service: Callable[[str, Service | None], None] = lambda name, service: None,
    ) -> None:
        """`on_service`: told of each service that was written, as it is now; None: it is gone."""
        self.records: dict[Ref, Record] = {}
        self.services: dict[str, Service] = {}
        self._store, self._compiling, self._events, self._on_service = store, compiling, events, on_service
        self._one_at_a_time = asyncio.Lock()

    async def load(self) -> None:
        self._remember(await self._store.records())

    def origin(self, rule_id: str) -> Origin | None:
        """Where a rule stands: "Kind/namespace/name/<rule>"."""
        try:
            record = self.records.get(Ref.parse(rule_id))
        except ValueError:
            return None
        if record is None or record.origin is None:
            return None
        return record.origin.of_rule(_rule_number(record, rule_id))

    async def apply(self, order: Order) -> Answer:
        async with self._one_at_a_time:
            pruned = self._pruned(order)
            checked: list[Checked] = await self._compiling.ask("check", (list(order.documents), pruned))
            nameless = [_nameless(order.documents[place][0], one) for place, one in enumerate(checked) if not one.ref]
            dry = order.dry_run or (bool(nameless) and not order.partial)
            applied = await self._store.apply(_request(order, checked, dry_run=dry))
            if applied.written or not dry:
                await self._take(applied)
        problems = _problems(checked)
        outcomes = tuple(_outcome(result, problems) for result in applied.results)
        stopped = not order.partial and bool(nameless or applied.rejected)
        conflict = stopped and any(isinstance(result.refusal, Conflict) for result in applied.rejected)
        return Answer(applied.revision, order.dry_run, (*outcomes, *nameless), stopped, conflict)

    async def delete(self, ref: Ref, expect: int | None) -> Answer:
        async with self._one_at_a_time:
            expected = {} if expect is None else {ref: expect}
            applied = await self._store.apply(Request([Write(ref, None)], expect=expected))
            await self._take(applied)
        outcomes = tuple(_outcome(result, {}) for result in applied.results)
        conflict = bool(applied.rejected)
        return Answer(applied.revision, False, outcomes, stopped=conflict, conflict=conflict)

    async def roll_back(self, revision: int, *, dry_run: bool) -> Answer:
        async with self._one_at_a_time:
            applied = await self._store.roll_back(revision, dry_run=dry_run)
            if not dry_run:
                await self._take(applied)
        outcomes = tuple(_outcome(result, {}) for result in applied.results if result.action != "unchanged")
        return Answer(applied.revision, dry_run, outcomes)

    def _pruned(self, order: Order) -> list[Ref]:
        """For the check only: the store decides again, in its transaction."""
        if not (order.prune and order.owner):
            return []
        return [ref for ref, record in self.records.items() if record.owner == order.owner]

    async def _take(self, applied: Applied) -> None:
        changed = [result.ref for result in applied.results if result.action in ("created", "configured", "unchanged")]
        deleted = [result.ref for result in applied.results if result.action == "deleted"] if applied.written else []
        self._remember(await self._store.find(changed), deleted, applied.revision)
        for result in applied.results if applied.written else ():
            if result.action in ("created", "configured", "deleted"):
                self._events.add(result.action, str(result.ref), f"revision {applied.revision}")
                log.info("%s %s (revision %d)", result.ref, result.action, applied.revision)

    def _remember(self, records: Iterable[Record], deleted: Iterable[Ref] = (), revision: int = 0) -> None:
        gone = list(deleted)
        fresh = [record for record in records if self.records.get(record.ref) != record]
        for record in fresh:
            self.records[record.ref] = record
            if record.ref.kind == Service.KIND:
                self._remember_service(record)
        for ref in gone:
            self.records.pop(ref, None)
            if ref.kind == Service.KIND:
                self.services.pop(f"{ref.namespace}/{ref.name}", None)
                self._on_service(f"{ref.namespace}/{ref.name}", None)
        self._compiling.set_resources(max(revision, self._store.revision), [_item(record) for record in fresh], gone)

    def _remember_service(self, record: Record) -> None:
        name = f"{record.ref.namespace}/{record.ref.name}"
        try:
            resource = parse_document(record.document, record.origin)
        except Problems:
            self.services.pop(name, None)  # its status says why
            return
        if isinstance(resource, Service):
            self.services[name] = resource
            self._on_service(name, resource)


def _rule_number(record: Record, rule_id: str) -> int:
    """A rule is called by its number, or its name where it has one; -1: the whole resource."""
    rule = rule_id.removeprefix(str(record.ref)).removeprefix("/")
    rules = record.document.get("spec", {}).get("rules", [])
    names = [str(each.get("name")) for each in rules if isinstance(each, Mapping)]
    return names.index(rule) if rule in names else int(rule) if rule.isdecimal() else -1


def _item(record: Record) -> Item:
    return Item(
        record.ref,
        dict(record.document),
        record.revision,
        record.created_at,
        record.generation,
        record.owner,
        record.origin,
    )


def _request(order: Order, checked: Sequence[Checked], *, dry_run: bool) -> Request:
    refused: dict[Ref, Refusal] = {}
    writes: list[Write] = []
    for (_, origin), one in zip(order.documents, checked, strict=True):
        if one.ref is None:
            continue
        writes.append(Write(one.ref, one.document, origin))
        error = next((problem for problem in one.problems if problem.severity == "error"), None)
        if error is not None:
            refused[one.ref] = Refusal(error.what, error.hint)
    return Request(writes, order.owner, order.prune, order.expect, refused, order.partial, dry_run)


def _problems(checked: Iterable[Checked]) -> dict[Ref, tuple[Problem, ...]]:
    found: dict[Ref, tuple[Problem, ...]] = {}
    for one in checked:
        if one.ref is not None:
            found[one.ref] = (*found.get(one.ref, ()), *one.problems)
    return found


def _outcome(result: Result, problems: Mapping[Ref, tuple[Problem, ...]]) -> Outcome:
    own = problems.get(result.ref, ())
    told = any(problem.severity == "error" for problem in own)
    if result.refusal is not None and not told:
        own = (*own, Problem("", 0, 0, result.refusal.message, hint=result.refusal.hint, ref=result.ref))
    return Outcome(str(result.ref), result.action, result.revision, own)


def _nameless(document: Any, one: Checked) -> Outcome:
    """A document that could not be read far enough to have a name of its own."""
    fields = document if isinstance(document, Mapping) else {}
    metadata = fields.get("metadata")
    names = metadata if isinstance(metadata, Mapping) else {}
    parts = (fields.get("kind"), names.get("namespace") or "default", names.get("name"))
    return Outcome("/".join(str(part or "?") for part in parts), "rejected", 0, one.problems)
