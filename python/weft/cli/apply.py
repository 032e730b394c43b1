"""`weft apply`, `weft diff`, `weft validate`: files to the mesh, or to the question what they would do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.failure import FAILED, Failure, note, problem_text, usage, warn
from weft.cli.options import Controller, Files, Format, Output, connect
from weft.cli.output import emit, yaml_text

if TYPE_CHECKING:
    from weft.client.types import Applied, Problem, StoredResource
    from weft.resources import Resource

# Found without -f.
USUAL_FILE = Path("weft.yaml")

Owner = Annotated[str | None, typer.Option(metavar="NAME", help="Whose they are: what --prune may delete")]


def apply(
    files: Files = None,
    owner: Owner = None,
    prune: Annotated[bool, typer.Option("--prune", help="Delete what --owner has and the files lack")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, change nothing")] = False,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Apply resources: all of them, or none and why."""
    if prune and not owner:
        usage("--prune needs --owner NAME", "only what that owner applied before can be deleted")
    from weft.client.documents import read_resources

    resources = read_resources(named(files))
    if not resources and not prune:  # with --prune it says that nothing is wanted any more
        raise Failure("nothing to apply: no file has a resource in it")
    with connect(controller) as mesh:
        applied = mesh.apply(resources, owner=owner, prune=prune, dry_run=dry_run)
    emit(applied, output, ("RESOURCE", "ACTION"), ((r.ref, r.action) for r in applied.results))
    _tell(applied)


def diff(
    files: Files = None,
    owner: Owner = None,
    prune: Annotated[bool, typer.Option("--prune", help="As apply --prune would")] = False,
    controller: Controller = None,
) -> None:
    """Print what apply would change.

    Line by line; exit status 1 when it would change something.
    """
    if prune and not owner:
        usage("--prune needs --owner NAME")
    from weft.client.documents import read_resources

    resources = read_resources(named(files))
    with connect(controller) as mesh:
        applied = mesh.apply(resources, owner=owner, prune=prune, dry_run=True)
        stored = {item.ref: item for item in mesh.list()}
    lines = list(differences(resources, stored, applied))
    print("\n".join(lines), end="\n" if lines else "")
    if lines:
        raise typer.Exit(FAILED)


def validate(files: Files = None, output: Output = Format.TABLE) -> None:
    """Check files, without a controller.

    Prints every problem with file, line and column; exit status 1 when there is an error.
    """
    from weft.cli.offline import check_files

    problems = check_files(named(files))
    errors = [problem for problem in problems if problem.severity == "error"]
    if output is not Format.TABLE:
        emit(problems, output, (), ())
    else:
        _print_problems(problems)
        if not errors:
            print("no errors")
    if errors:
        raise typer.Exit(FAILED)


def named(files: Sequence[Path] | None) -> Sequence[Path]:
    """The files given, else ./weft.yaml."""
    if files:
        return files
    if not USUAL_FILE.exists():
        usage("which files?", "name them with -f, or go to a folder with a weft.yaml")
    return [USUAL_FILE]


def differences(
    resources: Sequence[Resource], stored: dict[str, StoredResource], applied: Applied
) -> Iterator[str]:
    """A unified diff for each resource that would change."""
    given = {str(resource.ref): resource.to_dict() for resource in resources}
    for result in applied.results:
        if result.action == "unchanged":
            continue
        before = stored[result.ref].document if result.ref in stored else None
        yield from unified(result.ref, before, None if result.action == "deleted" else given.get(result.ref))


def unified(ref: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Iterable[str]:
    """None: it is not there."""
    old, new = (yaml_text(document).splitlines() if document else [] for document in (before, after))
    names = (ref if before else "(new)", ref if after else "(deleted)")
    return difflib.unified_diff(old, new, *names, lineterm="")


def _tell(applied: Applied) -> None:
    for result in applied.results:
        for problem in result.problems:
            warn(str(problem), problem.hint)
            note("")
    changed = sum(result.action != "unchanged" for result in applied.results)
    would = "would be changed (dry run)" if applied.dry_run else f"changed, revision {applied.revision}"
    note(f"{changed} of {len(applied.results)} {would}")


def _print_problems(problems: Iterable[Problem]) -> None:
    for problem in problems:
        print(problem_text(problem), end="\n\n")
