"""The compiler's process: takes changes of intent and world from a pipe, gives back what they compile to.

A process of its own, so that a big compile starves no stream, and a crash of the compiler (or of the core under it)
takes no stream down. It keeps nothing that its parent could not give it again.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, Any

from weft.ask import CannotAnswer, explain
from weft.compiler import core
from weft.compiler.compile import Compiler
from weft.compiler.enforced import enforced
from weft.compiler.judge import Check, judge
from weft.compiler.model import Condition, Delivered, Discovered, Key, Snapshot, Status, Stored, WorkloadInfo, World
from weft.controller import frames
from weft.controller.topics import Entry
from weft.resources.base import Resource
from weft.resources.parse import parse_document
from weft.resources.problem import Problem, Problems
from weft.resources.ref import Origin, Ref
from weft.resources.validate import validate

# Entries per frame: decoding one takes a few milliseconds of the controller's loop, between which streams are served.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Item:
    """A resource as the store has it."""

    ref: Ref
    document: dict[str, Any]
    revision: int = 0
    created_at: float = 0.0
    generation: int = 1
    owner: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What changed since the last one. `roots` and the rest of identity never change while we run."""

    revision: int
    puts: tuple[Item, ...] = ()
    drops: tuple[Ref, ...] = ()
    workloads: tuple[WorkloadInfo, ...] = ()
    gone: tuple[str, ...] = ()
    trust_domain: str = ""
    roots: tuple[bytes, ...] = ()
    # By service, complete for each; () where nothing is left.
    discovered: Mapping[str, tuple[Discovered, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """Comes after all entries of an update."""

    revision: int
    removed: frozenset[Key]
    statuses: dict[Ref, Status]


@dataclass(frozen=True, slots=True)
class Checked:
    """One document of an apply: its name and form as they will be kept, and what is wrong with it."""

    ref: Ref | None
    document: dict[str, Any] | None
    problems: tuple[Problem, ...] = ()


class Worker:
    """Everything but the pipe. `check` is the core's own judgement of a message."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._compiler = Compiler(check)
        self._resources: dict[Ref, Stored] = {}
        self._workloads: dict[str, WorkloadInfo] = {}
        self._discovered: dict[str, tuple[Discovered, ...]] = {}
        self._operations: dict[str, Callable[[Any], Iterator[Any]]] = {
            "update": self._update,
            "check": self._check_documents,
            "enforced": self._enforced,
            "explain": self._explain,
        }

    def handle(self, operation: str, argument: Any) -> Iterator[Any]:
        """Any number of partial answers, then the last."""
        return self._operations[operation](argument)

    def _update(self, update: Update) -> Iterator[Any]:
        unreadable: dict[Ref, Status] = {}
        for item in update.puts:
            self._put(item, unreadable)
        for ref in update.drops:
            self._resources.pop(ref, None)
        for workload in update.workloads:
            self._workloads[workload.name] = workload
        for name in update.gone:
            self._workloads.pop(name, None)
        merged = {**self._discovered, **update.discovered}
        self._discovered = {name: found for name, found in merged.items() if found}
        delta = self._compiler.update(
            Snapshot(update.revision, self._resources),
            World(self._workloads, update.trust_domain, update.roots, self._discovered),
            refs=[*(item.ref for item in update.puts), *update.drops],
            workloads=[*(workload.name for workload in update.workloads), *update.gone],
            discovered=update.discovered,
        )
        entries = [_entry(delivered) for delivered in delta.changed.values()]
        for begin in range(0, len(entries), BATCH):
            yield entries[begin : begin + BATCH]
        yield Done(update.revision, delta.removed, {**delta.statuses, **unreadable})

    def _put(self, item: Item, unreadable: dict[Ref, Status]) -> None:
        """What another version of weft stored and this one cannot read is refused by name; the rest goes on."""
        try:
            resource = parse_document(item.document, item.origin)
        except Problems as error:
            self._resources.pop(item.ref, None)
            reason = "; ".join(problem.what for problem in error.problems)
            unreadable[item.ref] = Status(item.ref, (Condition("Accepted", "False", "Invalid", reason),))
            return
        self._resources[item.ref] = Stored(resource, item.revision, item.created_at, item.generation, item.owner)

    def _check_documents(self, argument: tuple[list[tuple[Any, Origin | None]], list[Ref]]) -> Iterator[Any]:
        """What an apply of these documents (and deletion of these refs) would be told."""
        documents, drops = argument
        parsed = [_parse(document, origin) for document, origin in documents]
        resources = [resource for resource, _ in parsed if resource is not None]
        candidate = {ref: stored.resource for ref, stored in self._resources.items() if ref not in set(drops)}
        candidate |= {resource.ref: resource for resource in resources}
        between: dict[Ref, list[Problem]] = {}
        for problem in validate(candidate.values()):
            if problem.ref is not None:
                between.setdefault(problem.ref, []).append(problem)
        yield [
            Checked(
                resource.ref if resource else None,
                resource.to_dict() if resource else None,
                (*problems, *(self._judged(resource, between) if resource else ())),
            )
            for resource, problems in parsed
        ]

    def _judged(self, resource: Resource, between: dict[Ref, list[Problem]]) -> Iterable[Problem]:
        reason = judge(Stored(resource), self._check)
        if reason is not None:
            yield replace(Problem.at(resource.origin, reason), ref=resource.ref)
        yield from between.get(resource.ref, ())

    def _enforced(self, refs: list[Ref]) -> Iterator[Any]:
        compiled = self._compiler.compiled
        found = {ref: enforced(compiled, ref) for ref in refs}
        yield {ref: condition for ref, condition in found.items() if condition is not None}

    def _explain(self, argument: dict[str, Any]) -> Iterator[Any]:
        try:
            answer = explain(
                self._compiler.compiled,
                argument["from"],
                argument["to"],
                argument["method"],
                argument["path"],
                argument["headers"],
            )
        except CannotAnswer as error:
            yield {"error": str(error), "hint": error.hint}
            return
        except ValueError as error:
            # The core's: such as a caller whose name can be in no identity.
            yield {"error": str(error), "hint": "ask about names and a request that can be"}
            return
        yield answer.to_dict()


def _parse(document: Any, origin: Origin | None) -> tuple[Resource | None, tuple[Problem, ...]]:
    try:
        return parse_document(document, origin), ()
    except Problems as error:
        return None, error.problems


def _entry(delivered: Delivered) -> Entry:
    return Entry(
        delivered.kind,
        delivered.key,
        delivered.version,
        delivered.message.SerializeToString(deterministic=True),
        delivered.needs,
        delivered.requires,
        delivered.origins,
    )


def serve(requests: IO[bytes], answers: IO[bytes], worker: Worker) -> None:
    """Until the parent goes. Any exception ends the process: its state can no longer be trusted, the parent's can."""
    while True:
        try:
            number, operation, argument = frames.read(requests)
        except EOFError:
            return
        try:
            for answer in worker.handle(operation, argument):
                answers.write(frames.encode((number, "part", answer)))
                answers.flush()
            answers.write(frames.encode((number, "end", None)))
        except Exception:
            answers.write(frames.encode((number, "failed", traceback.format_exc(limit=-8))))
            answers.flush()
            if operation == "update":
                raise SystemExit(1) from None
        answers.flush()


def core_check() -> Check:
    """The core's judgement."""
    try:
        core.capabilities()
    except ImportError as error:
        raise SystemExit(
            f"error: weft's extension is not built: {error}\n\nhint: make build, or pip install weft"
        ) from None
    return core.check


def main() -> None:
    # Whatever prints must not print into the pipe.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, Worker(core_check()))
