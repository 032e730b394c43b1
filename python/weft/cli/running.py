"""What `weft up` has running: `weft ps`, `logs`, `restart` and `down`, in the folder of the weft.yaml."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.failure import note, usage, warn
from weft.cli.options import Format, Output
from weft.cli.output import emit

if TYPE_CHECKING:
    from weft.client.types import Workload
    from weft.run.project import Project, Run

File = Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="The weft.yaml that is up")]
Service = Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="A service or one of its workloads; else all")]

HEADERS = ("SERVICE", "WORKLOAD", "VERSION", "STATE", "HEALTH", "MTLS", "PID")
# Not in the file, and with something to say.
OTHERS = ("controller", "weft")


def ps(
    service: Service = None,
    file: File = Path("weft.yaml"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the process ids of the apps themselves")] = False,
    output: Output = Format.TABLE,
) -> None:
    """List what `weft up` runs: state, health, mTLS.

    PID is the supervisor of a workload, which starts its proxy and its app; with -q the app's own is printed.
    """
    run = _project(file).running()
    names = _names(run, service)
    answer = _status(run)
    found = [entry for entry in answer["workloads"] if entry["name"] in names]
    if quiet:
        _print_apps(found)
        return
    present = _present(run, answer.get("seen", ()))
    rows = [_row(entry, present.get(f"{entry['namespace']}/{entry['name']}")) for entry in found]
    emit([dict(zip(map(str.lower, HEADERS), row, strict=True)) for row in rows], output, HEADERS, rows, "nothing runs")


def _print_apps(found: Iterable[Mapping[str, Any]]) -> None:
    from weft.run.sys_apps import app_of

    for entry in found:
        if entry["pid"] is not None and (app := app_of(entry["pid"])) is not None:
            print(app)


def logs(
    service: Service = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come, until it ends")] = False,
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="The weft.yaml that is up")] = Path("weft.yaml"),
    times: Annotated[bool, typer.Option("--timestamps", "-t", help="Begin each line with its time")] = False,
) -> None:
    """Show what all have said, or one service.

    The last 10 to 20 MiB are kept, for as long as it is up.
    """
    from weft.run.logfile import follow as followed
    from weft.run.logfile import read
    from weft.run.visible import visible

    project = _project(file)
    run = project.running()
    names = _names(run, service)
    lines = followed(project.log, lambda: run.alive, time.sleep) if follow else read(project.log)
    for line in lines:
        if line.name in names:
            print(f"{line.time} " if times else "", f"{line.name} | {visible(line.text)}", sep="", flush=follow)


def restart(service: Service = None, file: File = Path("weft.yaml")) -> None:
    """Restart a service, one workload after the other.

    Without one: all of them, in the order of depends_on.
    """
    from weft.cli.up import show_tail
    from weft.run.control import ask
    from weft.run.controller import Failed

    try:
        ask(_project(file).running().socket, {"do": "restart", "service": service}, note)
    except Failed as failed:
        show_tail(failed.tail)
        raise


def down(
    file: File = Path("weft.yaml"),
    now: Annotated[bool, typer.Option("--now", help="Do not wait for requests that are under way")] = False,
) -> None:
    """Stop what `weft up` runs; nothing is left behind."""
    from weft.run.project import stop

    project = _project(file)
    run = project.run()
    if run is None:
        project.remove()  # what a lost machine left
        note(f"{file} is not up")
        return
    stop(run, at_once=now)
    note("stopped")


def _project(file: Path) -> Project:
    from weft.run.project import Project

    return Project.of(file)


def _status(run: Run) -> dict[str, Any]:
    from weft.run.control import ask

    return ask(run.socket, {"do": "status"}, note)


def _names(run: Run, service: str | None) -> set[str]:
    found = _status(run)["workloads"]
    every = {entry["name"] for entry in found} | set(OTHERS)
    chosen = {entry["name"] for entry in found if service in (entry["name"], entry["service"])}
    if service in OTHERS:
        chosen.add(service)
    if service is not None and not chosen:
        from weft.resources.problem import did_you_mean

        known = {entry["service"] for entry in found} | set(OTHERS)
        usage(f"there is no service {service} here", did_you_mean(service, known))
    return chosen or every


def _present(run: Run, seen: Iterable[Mapping[str, Any]]) -> Mapping[str, Workload]:
    """`seen`: what `weft up` knows by itself, where the controller is on another machine."""
    from weft.client.decode import decode
    from weft.client.errors import WeftError
    from weft.client.types import Workload
    from weft.mesh import Mesh

    if not run.controller:
        return {workload.name: workload for workload in (decode(Workload, each) for each in seen)}
    try:
        with Mesh.connect(run.controller) as mesh:
            return {workload.name: workload for workload in mesh.workloads()}
    except WeftError as error:
        warn(f"health is not known: {error.message}")
        return {}


def _row(entry: Mapping[str, Any], there: Workload | None) -> tuple[Any, ...]:
    attached = there is not None and there.lease == "attached" and entry["pid"] is not None
    health = there.health if there is not None and attached else None
    mtls = ("yes" if there is not None and there.identity else "no") if attached else None
    return entry["service"], entry["name"], entry["version"], entry["state"], health, mtls, entry["pid"]
