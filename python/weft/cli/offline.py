"""What can be known of files without a controller: the same compiler, an empty world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weft.client.documents import problem_of, wrong_files
from weft.client.types import Origin, Problem

if TYPE_CHECKING:
    from weft.compiler import Compiled, Condition
    from weft.resources import Resource


def check_files(paths: Sequence[str | Path]) -> list[Problem]:
    """Everything that is wrong with them, also what only the core would refuse."""
    from weft.ask.offline import validate_offline

    return [problem_of(problem) for problem in validate_offline(paths)]


def compile_files(paths: Sequence[str | Path]) -> Compiled:
    """Raises MeshError where `check_files` finds errors."""
    from weft.client.documents import read_resources

    compiled = compile_resources(read_resources(paths))
    errors = [problem for problem in compile_problems(compiled) if problem.severity == "error"]
    if errors:
        raise wrong_files(errors)
    return compiled


def compile_resources(resources: Sequence[Resource]) -> Compiled:
    from weft.compiler import Snapshot, Stored, World
    from weft.compiler.compile import compile_all

    snapshot = Snapshot(0, {resource.ref: Stored(resource) for resource in resources})
    return compile_all(snapshot, World())


def compile_problems(compiled: Compiled) -> Iterator[Problem]:
    """A resource that would not be accepted is an error; one that names what is not in the files, a warning."""
    for ref, status in compiled.statuses.items():
        stored = compiled.snapshot.resources.get(ref)
        origin = stored.resource.origin if stored else None
        place = Origin(origin.file, origin.line, origin.column) if origin else None
        for condition in status.conditions:
            if condition.status == "False" and condition.type in ("Accepted", "ResolvedRefs"):
                yield Problem(_text(condition), ref=str(ref), origin=place, severity=_severity(condition))


def _severity(condition: Condition) -> str:
    return "error" if condition.type == "Accepted" else "warning"


def _text(condition: Condition) -> str:
    return condition.message or f"{condition.type} is false: {condition.reason}"
