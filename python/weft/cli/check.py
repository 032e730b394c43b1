"""`weft check`: is this machine fit for a mesh, and is the mesh well."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import FAILED, usage
from weft.cli.options import Controller, Format, Output, connect
from weft.cli.output import emit, width
from weft.printable import printable

if TYPE_CHECKING:
    from weft.check.model import Check
    from weft.mesh import Mesh

# For people without a wide terminal, and for those who paste it into a ticket.
COLUMNS = 80
# "warn  ": what follows a result stands below itself.
INDENT = 6
REACHABLE = "controller-reachable", "the controller answers"


def check(
    machine: Annotated[bool, typer.Option("--machine", help="Only this machine, before there is a mesh")] = False,
    mesh: Annotated[bool, typer.Option("--mesh", help="Only the mesh, through its controller")] = False,
    state_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Where state is, or will be, kept")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave out what is ok or skipped")] = False,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Check this machine and the mesh, with hints.

    Each check is ok, warn, fail or skip; exit status 1 when one fails. Nothing is changed. Without a controller that
    was named, that none answers is no failure.
    """
    from weft.client.rest import controller_address

    if machine and mesh:
        usage("--machine and --mesh exclude each other", "without either both are checked")
    named = mesh or controller is not None or "WEFT_CONTROLLER" in os.environ
    address = controller_address(controller)
    with connect(address) as there:
        about_mesh = [] if machine else list(mesh_part(there, named))
        answers = bool(machine and _answers(there)) or any(
            c.id == REACHABLE[0] and c.result == "ok" for c in about_mesh
        )
    about_machine = [] if mesh else list(machine_part(state_dir, answers))
    parts = {"This machine": about_machine, f"The mesh at {address}": about_mesh}
    everything = [each for part in parts.values() for each in part]
    if output is Format.TABLE:
        print(printable("\n".join(text(parts, min(width(), COLUMNS), quiet))))
    else:
        counts = dict(Counter(each.result for each in everything))
        emit({"checks": [asdict(each) for each in everything], "counts": counts}, output, (), ())
    if any(each.result == "fail" for each in everything):
        raise typer.Exit(FAILED)


def machine_part(state_dir: Path | None, controller_here: bool) -> Iterator[Check]:
    from weft.check.facts import look
    from weft.check.joined import joined_checks
    from weft.check.machine import machine_checks
    from weft.run.state import state_root

    yield from machine_checks(look(state_root(state_dir)), controller_here)
    yield from joined_checks(state_root(state_dir), time.time())


def mesh_part(mesh: Mesh, named: bool) -> Iterator[Check]:
    """`named`: somebody said that there is one."""
    from weft.check.mesh import ask, mesh_checks
    from weft.check.model import Check, skipped
    from weft.client.errors import ControllerUnreachable, MeshError

    try:
        facts = ask(mesh, time.time())
    except ControllerUnreachable as error:
        start = "`weft controller` or `weft up` start one"
        if named:
            yield Check(*REACHABLE, "fail", error.message, error.hint or start)
        else:
            yield skipped(*REACHABLE, "none at the usual address", start)
        return
    except MeshError as error:
        yield Check(*REACHABLE, "fail", error.message, error.hint or "the controller's log says more")
        return
    yield Check(*REACHABLE, "ok", facts.health.trust_domain)
    yield from mesh_checks(facts)


def text(parts: dict[str, list[Check]], columns: int, quiet: bool) -> Iterator[str]:
    for title, checks in parts.items():
        shown = [each for each in checks if not quiet or each.result in ("warn", "fail")]
        if shown:
            yield from (title, "")
            for each in shown:
                yield from lines(each, columns)
            yield ""
    yield verdict([each for part in parts.values() for each in part])


def lines(each: Check, columns: int) -> Iterator[str]:
    """The result, what was checked and what was found; below it, what to do."""
    found = f": {each.detail}" if each.detail else ""
    # A right part of a right answer is short; of a wrong one everything is wanted, and the name to look for.
    name = f" [{each.id}]" if each.result in ("warn", "fail") else ""
    yield from _folded(f"{each.result:4}  {each.what}{found}{name}", columns)
    if each.hint:
        yield from _folded(f"      hint: {each.hint}", columns)


def verdict(checks: Sequence[Check]) -> str:
    counts = Counter(each.result for each in checks)
    return f"{len(checks)} checks: " + ", ".join(
        f"{counts[result]} {result}" for result in ("ok", "warn", "fail", "skip")
    )


def _folded(line: str, columns: int) -> Iterable[str]:
    import textwrap

    inner = " " * INDENT
    return textwrap.wrap(line, columns, subsequent_indent=inner, break_long_words=False, break_on_hyphens=False)


def _answers(mesh: Mesh) -> bool:
    from weft.client.errors import MeshError

    try:
        return bool(mesh.health().status)
    except MeshError:
        return False
