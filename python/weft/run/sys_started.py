"""When a process started: what tells it from a later one that was given the same id.

Linux has it in /proc, also in containers without `ps`; every other system has `ps`.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

# proc_pid_stat(5), fields 3 and 22, counted behind the name, which may have spaces and brackets in it.
STATE, START = 0, 19
# Dead, and not yet waited for by its parent.
ZOMBIE = "Z"

PROC = Path("/proc")


def started(pid: int) -> str | None:
    """In the system's own words, to be compared only; None: there is no such process, or no longer."""
    return _from_proc(pid) if (PROC / "self/stat").exists() else _from_ps(pid)


def _from_proc(pid: int) -> str | None:
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[STATE] == ZOMBIE else fields[START]


def _from_ps(pid: int) -> str | None:
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, start = done.stdout.strip().partition(" ")
    return None if not state or state.startswith(ZOMBIE) else start.strip()
