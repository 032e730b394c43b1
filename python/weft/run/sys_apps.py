"""The app of a supervisor, among its children.

Linux lists them in /proc, also in containers without `ps`; every other system has `ps`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

# Its other children. Linux keeps 15 letters of a name, and these are fewer.
PROXY = "weft-proxy"

PROC = Path("/proc")


def app_of(supervisor: int) -> int | None:
    """The process id of what a supervisor runs; None: nothing at the moment, or only a proxy."""
    children = _from_proc(supervisor) if (PROC / "self/stat").exists() else _from_ps(supervisor)
    return next((pid for pid, name in children if Path(name).name != PROXY), None)


def _from_proc(parent: int) -> Iterator[tuple[int, str]]:
    """proc_pid_stat(5): the name stands in brackets and may hold anything; the parent is the second field behind it."""
    for file in sorted(PROC.glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        try:
            head, _, rest = file.read_text(encoding="utf-8", errors="replace").rpartition(")")
        except OSError:
            continue  # it has ended
        if rest.split()[1] == str(parent):
            yield int(file.parent.name), head.partition("(")[2]


def _from_ps(parent: int) -> Iterator[tuple[int, str]]:
    done = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        pid, ppid, name = line.split(None, 2)
        if ppid == str(parent):
            yield int(pid), name
