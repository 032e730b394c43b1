"""`weft history` and `weft rollback`: what was applied when, and back to it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.apply import unified
from weft.cli.events import moment
from weft.cli.failure import note, usage
from weft.cli.names import KindArgument, NameArgument, split_reference
from weft.cli.options import Controller, Format, Namespace, Output, connect
from weft.cli.output import emit, plain, yaml_text

if TYPE_CHECKING:
    from weft.client.types import Applied, PastChange, Revision
    from weft.mesh import Mesh

REVISIONS = ("REVISION", "TIME", "WHAT")
CHANGES = ("REVISION", "TIME", "ACTION", "GENERATION", "OWNER")


def history(
    kind: KindArgument = None,
    name: NameArgument = None,
    namespace: Namespace = "default",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first")] = 20,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """List revisions, or those of one resource.

    Newest first; -o yaml of one resource prints it as it was each time.
    """
    from weft.cli.kinds import kind_named

    kind, name = split_reference(kind, name)
    if kind and not name:
        usage(f"which {kind}?", "write `weft history KIND NAME`, or nothing for all revisions")
    with connect(controller) as mesh:
        if not kind or not name:
            revisions = mesh.revisions(limit)
            emit(revisions, output, REVISIONS, revision_rows(revisions, time.time()), "nothing was ever applied")
            return
        changes = mesh.history(kind_named(kind), name, namespace)[:limit]
    if output is Format.YAML:
        for change in changes:
            print(f"# revision {change.revision}, {change.action}")
            print(yaml_text([plain(change.document)], documents=True) if change.document else "", end="")
        return
    emit(changes, output, CHANGES, change_rows(changes, time.time()))


def rollback(
    revision: Annotated[int, typer.Argument(min=0, metavar="REVISION", help="As `weft history` lists them")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change, change nothing")] = False,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Make all resources what they were at a revision.

    That is a new revision: it can be rolled back too. Resources keep the age that they had, and so their precedence.
    """
    with connect(controller) as mesh:
        if dry_run and output is Format.TABLE:
            applied = mesh.rollback(revision, dry_run=True)
            lines = differences(mesh, revision, applied)
            print("\n".join(lines), end="\n" if lines else "")
        else:
            applied = mesh.rollback(revision, dry_run=dry_run)
            emit(applied, output, ("RESOURCE", "ACTION"), ((r.ref, r.action) for r in applied.results))
    would = "would be changed (dry run)" if dry_run else f"changed, revision {applied.revision}"
    note(f"{len(applied.results)} {would}" if applied.results else f"everything is as at revision {revision}")


def differences(mesh: Mesh, revision: int, applied: Applied) -> Sequence[str]:
    """A unified diff for each resource that would change."""
    now = {item.ref: item.document for item in mesh.list()}
    then = {item.ref: item.document for item in mesh.list(at=revision)}
    lines: list[str] = []
    for result in applied.results:
        found = list(unified(result.ref, now.get(result.ref), then.get(result.ref)))
        # Only its age or owner differs: it was deleted and made again since.
        lines += found or [f"{result.ref}: the same text, with the age and owner of revision {revision}"]
    return lines


def revision_rows(revisions: Sequence[Revision], now: float) -> list[tuple[object, ...]]:
    return [(each.revision, moment(each.at, now), summary(each)) for each in revisions]


def change_rows(changes: Sequence[PastChange], now: float) -> list[tuple[object, ...]]:
    return [(each.revision, moment(each.at, now), each.action, each.generation, each.owner) for each in changes]


def summary(revision: Revision) -> str:
    """ "created Service/default/a, Service/default/b; deleted … (of shop)".

    The owner stands last, in the one column that is folded: the file of a `weft up` is as long as its path.
    """
    actions: dict[str, list[str]] = {}
    for change in revision.changes:
        actions.setdefault(change.action, []).append(change.ref)
    said = "; ".join(f"{action} {', '.join(refs)}" for action, refs in sorted(actions.items()))
    left = revision.count - len(revision.changes)
    owners = ", ".join(sorted({change.owner for change in revision.changes if change.owner}))
    return said + (f" and {left} more" if left else "") + (f" (of {owners})" if owners else "")
