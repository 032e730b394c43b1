"""`weft token machine`: all that another machine needs to run its part of a weft.yaml, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weft.cli.failure import Failure, note, usage, warn
from weft.cli.identity import seconds
from weft.cli.options import Controller, Format, Output, connect
from weft.cli.output import emit


def machine(
    name: Annotated[str, typer.Argument(metavar="MACHINE", help="As `machine:` in the file calls it")],
    file: Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="What runs where")] = Path("weft.yaml"),
    expires: Annotated[str, typer.Option(metavar="DURATION", help="How long it can be used: 90s, 15m, 1h, 7d")] = "1h",
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Print the command by which another machine joins and runs its part of a weft.yaml.

    It is good for as many workloads of these services as the file has there, and not shown again.
    """
    from weft.client.documents import problem_of, wrong_files
    from weft.resources import expand
    from weft.resources.problem import did_you_mean
    from weft.run.fromfile import grants

    life = seconds(expires)
    if not file.exists():
        usage(f"there is no {file} here", "go to its folder, or name it with -f")
    expanded = expand(file)
    if not expanded.ok:
        raise wrong_files(map(problem_of, expanded.problems))
    there = expanded.on(name)
    if not there.workloads:
        hint = did_you_mean(name, expanded.machines) or f"`machine: {name}` in a service says so"
        raise Failure(f"nothing in {file} runs on machine {name}", hint)
    with connect(controller) as mesh:
        present = {each.name for each in mesh.workloads() if each.lease == "attached"}
        token = mesh.machine_token(name, grants(there), ttl_seconds=life)
    if output is not Format.TABLE:
        emit(token, output, (), ())
        return
    print(f"weft up --join {token.token}")
    note(f"for machine {name}: {', '.join(plan.name for plan in there.workloads)}; expires in {expires}")
    if token.hint:
        warn(token.hint)
    if running := [plan.name for plan in there.workloads if f"{plan.namespace}/{plan.name}" in present]:
        warn(f"already in the mesh: {', '.join(running)}; on a second machine they would take that one's place")
    note("\nhint: run it there, in a folder with the same weft.yaml")
