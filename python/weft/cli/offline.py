"""What can be known of files without a controller: the same compiler, an empty world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.client.documents import problem_of, wrong_files
from weft.client.errors import MeshError
from weft.client.types import Origin, Problem

if TYPE_CHECKING:
    from weft.compiler import Compiled, Condition, WorkloadInfo
    from weft.resources import Resource, WorkloadPlan

# A mesh has its own from its first start; files alone have none.
TRUST_DOMAIN = "weft.local"


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


def compile_resources(resources: Sequence[Resource], plans: Sequence[WorkloadPlan] = ()) -> Compiled:
    from weft.compiler import Snapshot, Stored, World
    from weft.compiler.compile import compile_all

    snapshot = Snapshot(0, {resource.ref: Stored(resource) for resource in resources})
    workloads = {info.name: info for info in map(_running, plans)}
    return compile_all(snapshot, World(workloads, TRUST_DOMAIN))


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
    """As the controller would answer if these files were all there is, and all that a weft.yaml runs were healthy."""
    from weft.ask import CannotAnswer, explain
    from weft.client.documents import read_resources

    compiled = compile_resources(read_resources(paths), [plan for file in paths for plan in _plans(file)])
    try:
        return explain(compiled, source, to, method, path, headers).to_dict()
    except CannotAnswer as error:
        raise MeshError(str(error), error.hint) from error


def _plans(path: str | Path) -> Sequence[WorkloadPlan]:
    from weft.resources import expand

    return () if str(path) == "-" or Path(path).is_dir() else expand(path).workloads


def _running(plan: WorkloadPlan) -> WorkloadInfo:
    from weft.compiler import PortInfo, WorkloadInfo
    from weft.compiler.core import capabilities

    return WorkloadInfo(
        name=f"{plan.namespace}/{plan.name}",
        namespace=plan.namespace,
        service=plan.service,
        version=plan.version,
        labels={"version": plan.version} if plan.version else {},
        identity=f"spiffe://{TRUST_DOMAIN}/ns/{plan.namespace}/sa/{plan.account}",
        ports=tuple(PortInfo(port, "127.0.0.1", port) for port in plan.ports),
        health="healthy",
        capabilities=capabilities(),
    )


def _severity(condition: Condition) -> str:
    return "error" if condition.type == "Accepted" else "warning"


def _text(condition: Condition) -> str:
    return condition.message or f"{condition.type} is false: {condition.reason}"
