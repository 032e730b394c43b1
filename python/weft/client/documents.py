"""What `apply` sends: documents as in YAML, each with the place where it was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union, cast

from weft.client.errors import MeshError
from weft.client.types import Origin, Problem

if TYPE_CHECKING:
    from weft.resources import Resource
    from weft.resources.problem import Problem as WrittenProblem

# A typed resource, a document as in YAML, or a file or folder of such documents ("-": stdin).
Source: TypeAlias = Union["Resource", Mapping[str, Any], str, Path]


def documents(sources: Source | Iterable[Source]) -> list[dict[str, Any]]:
    return [document for source in _listed(sources) for document in _documents(source)]


def read_resources(paths: Iterable[str | Path]) -> tuple[Resource, ...]:
    """Every resource of files and folders; raises MeshError with all that is wrong."""
    from weft.resources.load import load

    loaded = load(paths)
    if not loaded.ok:
        raise wrong_files(map(problem_of, loaded.problems))
    return loaded.resources


def wrong_files(problems: Iterable[Problem]) -> MeshError:
    found = tuple(problems)
    errors = sum(problem.severity == "error" for problem in found)
    return MeshError(f"{errors} problem{'s' if errors != 1 else ''}, nothing was done", problems=found)


def problem_of(problem: WrittenProblem) -> Problem:
    message = f"{problem.what}: {problem.why}" if problem.why else problem.what
    origin = Origin(problem.file, problem.line, problem.column) if problem.file else None
    ref = str(problem.ref) if problem.ref else None
    return Problem(message, problem.hint or None, ref, origin=origin, severity=problem.severity)


def _listed(sources: Source | Iterable[Source]) -> Iterable[Source]:
    # A pydantic model can be iterated too.
    if isinstance(sources, str | Path | Mapping) or hasattr(sources, "to_dict"):
        return [cast(Source, sources)]
    return sources


def _documents(source: Source) -> list[dict[str, Any]]:
    if isinstance(source, str | Path):
        return [document for resource in read_resources([source]) for document in _documents(resource)]
    if isinstance(source, Mapping):
        return [dict(source)]
    document: dict[str, Any] = source.to_dict()
    if (origin := source.origin) is not None:
        place = {"file": origin.file, "line": origin.line, "column": origin.column, "rules": list(origin.rules)}
        document["origin"] = place
    return [document]
