"""`weft uninstall`: nothing of weft is left on this machine but the package."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import Failure, note
from weft.cli.options import Format, Output
from weft.cli.output import emit

if TYPE_CHECKING:
    from weft.run.remains import Found

HEADERS = ("WHAT", "IN USE", "PATH")
LOOK_EVERY_S = 0.05
# systemd's own sign that it runs this machine, sd_booted(3).
SYSTEMD = Path("/run/systemd/system")


def uninstall(
    state_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Else $WEFT_STATE_DIR or the usual")] = None,
    units: Annotated[Path | None, typer.Option(metavar="DIR", help="Of systemd units")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List it, remove nothing")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what runs first")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Remove what weft has left on this machine.

    State of controllers and workloads, units, cgroups, temporary files: it is
    listed, and removed when you say yes. A CA that is removed is gone with the
    mesh that trusts it; `weft backup` keeps it.
    """
    from weft.run.remains import remove

    found = _find(state_dir, units)
    rows = [(each.kind, _user(each), str(each.path)) for each in found]
    emit([dict(zip(("what", "in_use", "path"), row, strict=True)) for row in rows], output, HEADERS, rows)
    if not found:
        note("nothing of weft is left here")
        return
    if dry_run:
        return
    running = [each for each in found if each.in_use]
    if running and not stop:
        names = ", ".join(str(each.path) for each in running)
        raise Failure(f"in use: {names}", "stop it, or let --stop do so")
    _ask(yes)
    if stop:
        _stop(found)
        found = _find(state_dir, units)
    problems = remove(found)
    if problems:
        raise Failure("not everything could be removed", "do it as root", problems)
    _systemctl(found, "daemon-reload")
    note("removed; the package itself goes with `pip uninstall weft`")


def _find(state_dir: Path | None, units: Path | None) -> list[Found]:
    from weft.run.remains import UNITS, find
    from weft.run.state import state_root

    return find(state_root(state_dir), units or UNITS)


def _user(found: Found) -> str:
    return f"pid {found.pid}" if found.pid else "yes" if found.in_use else ""


def _ask(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure("nothing was removed: nobody is there to be asked", "say --yes")
    if input("Remove all of this? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Failure("nothing was removed")


def _stop(found: Sequence[Found]) -> None:
    """In order: `weft up` ends its own; workloads drain while their controller is there to tell their callers."""
    from weft.run.sys_locks import held
    from weft.run.sys_started import started
    from weft.run.sys_unit import STOP_WORKLOAD_S

    _systemctl(found, "disable", "--now")
    for kind in ("up", "workload", "controller", "temporary"):
        running = [each for each in found if each.kind == kind and each.in_use]
        before = {each.pid: started(each.pid) for each in running if each.pid}
        for pid in before:
            _terminate(pid)
        deadline = time.monotonic() + STOP_WORKLOAD_S
        while any(start and started(pid) == start for pid, start in before.items()) or any(
            held(lock) for each in running for lock in each.path.rglob("lock")
        ):
            if time.monotonic() > deadline:
                raise Failure(f"it does not stop: {', '.join(str(each.path) for each in running)}")
            time.sleep(LOOK_EVERY_S)


def _terminate(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it went with what was stopped before
    except PermissionError as error:
        raise Failure(f"process {pid} is another user's", "do it as root") from error


def _systemctl(found: Sequence[Found], *command: str) -> None:
    units = [each.path.name for each in found if each.kind == "unit"]
    if units and SYSTEMD.exists() and shutil.which("systemctl"):
        names = units if "--now" in command else []
        subprocess.run(["systemctl", "--quiet", *command, *names], check=False)
