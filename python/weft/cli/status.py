"""`weft status` and `weft workloads`: is what was applied in force, and who is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.failure import FAILED, Failure
from weft.cli.names import KindArgument, NameArgument, split_reference
from weft.cli.options import AnyNamespace, Controller, Format, Output, connect, qualified
from weft.cli.output import duration, emit, plain, table, width
from weft.printable import printable

if TYPE_CHECKING:
    from weft.client.types import Health, ObjectStatus, Status, Workload

OBJECTS = ("RESOURCE", "ACCEPTED", "RESOLVED", "ENFORCED", "PROXIES", "WHY")
WORKLOADS = ("WORKLOAD", "SERVICE", "VERSION", "HEALTH", "LEASE", "CONFIG", "LEFT")


def status(
    kind: KindArgument = None,
    name: NameArgument = None,
    namespace: AnyNamespace = None,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Show what is in force, and where not.

    Exit status 1 when something is not.

    PROXIES counts the proxies that have applied a resource among those that need it. LEFT is how long a proxy's
    certificate lives: how long it goes on without a controller.
    """
    from weft.cli.kinds import kind_named

    kind, name = split_reference(kind, name)
    with connect(controller) as mesh:
        health = mesh.health()
        found = mesh.status(kind_named(kind) if kind else None, name, namespace)
        present = mesh.workloads(namespace) if kind is None else []
    if name and not found.objects:
        raise Failure(f"no {kind} {name}", "`weft get` lists everything")
    if output is Format.TABLE:
        _print_tables(health, found, present)
    else:
        everything = {"health": plain(health), **plain(found), "workloads": plain(present)}
        emit(everything, output, (), ())
    if any(_wrong(item) for item in found.objects) or any(item.problems for item in present):
        raise typer.Exit(FAILED)


def workloads(
    service: Annotated[str | None, typer.Argument(metavar="[SERVICE]")] = None,
    namespace: AnyNamespace = None,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """List workloads: health, configuration, certificate."""
    with connect(controller) as mesh:
        full = qualified(service, namespace or "default") if service else None
        found = mesh.workloads(namespace, full)
    nothing = f"no workloads of {full}" if full else "no workloads"
    emit(found, output, WORKLOADS, map(_workload_row, found), nothing)


def _print_tables(health: Health, found: Status, present: Sequence[Workload]) -> None:
    stale = "" if found.compiled_revision >= found.revision else f" (compiled: {found.compiled_revision})"
    print(f"controller {health.status}, mesh {health.trust_domain}, revision {found.revision}{stale}")
    for problem in health.problems:
        print(printable(f"  {problem}"))
    for headers, rows in (
        (OBJECTS, [_object_row(item) for item in found.objects]),
        (WORKLOADS, [_workload_row(item) for item in present]),
    ):
        text = table(headers, rows, width())
        print(f"\n{text}" if text else "", end="")
    for item in present:
        for problem in [*item.problems, *(f"{r.kind} {r.name}: {r.reason}" for r in item.sync.rejected)]:
            print(printable(f"\n{item.name}: {problem}"))


def _object_row(item: ObjectStatus) -> tuple[object, ...]:
    states = {condition.type: condition for condition in item.conditions}
    lacking = [f"{m.workload}: {m.reason}" for m in item.programmed.missing]
    # Who lacks it says more than how many do.
    said = [
        c for c in item.conditions if c.status not in ("True", "Unknown") and not (lacking and c.type == "Programmed")
    ]
    wrong = [c.message or c.reason for c in said]
    applied = f"{item.programmed.applied}/{item.programmed.needed}"
    shown = [states[name].status if name in states else "" for name in ("Accepted", "ResolvedRefs", "Enforced")]
    return item.ref, *shown, applied, "; ".join([*wrong, *lacking])


def _wrong(item: ObjectStatus) -> bool:
    return any(condition.status in ("False", "Partial") for condition in item.conditions)


def _workload_row(item: Workload) -> tuple[Any, ...]:
    lease = item.lease if item.lost_seconds is None else f"lost {duration(item.lost_seconds)} ago"
    config = f"{item.sync.current}/{item.sync.subscriptions}"
    config += f", {len(item.sync.rejected)} rejected" if item.sync.rejected else ""
    left = duration(item.certificate_seconds_left) if item.identity else "none"
    return item.name, item.service, item.version, item.health, lease, config, left
