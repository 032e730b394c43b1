"""What can be known of files without a controller: the same compiler, an empty world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.client.documents import problem_of, wrong_files
from weft.client.types import Origin, Problem

if TYPE_CHECKING:
    from weft.compiler import Compiled, Condition
    from weft.resources import Resource


def check_files(paths: Sequence[str | Path]) -> tuple[int, list[Problem]]:
    """How many resources there are, and everything that is wrong with them."""
    from weft.resources.load import load

    loaded = load(paths)
    problems = [problem_of(problem) for problem in loaded.problems]
    if loaded.ok:
        problems += compile_problems(compile_resources(loaded.resources))
    return len(loaded.resources), problems


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


def explain_files(
    paths: Sequence[str | Path], source: str, to: str, method: str, path: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    raise NotImplementedError


def _severity(condition: Condition) -> str:
    return "error" if condition.type == "Accepted" else "warning"


def _text(condition: Condition) -> str:
    return condition.message or f"{condition.type} is false: {condition.reason}"
