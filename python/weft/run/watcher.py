"""Ends what `weft up` started when `weft up` itself was killed and could not.

`weft up` starts it with a pipe as stdin and tells it through that pipe, a line each, what there is to end. Nobody else
holds the other end, so the pipe ends when `weft up` does. An end with the word `done` before it was an orderly one.
Read `lifeline.py` for the other side.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weft.run.sys_started import started

# Each look reads one small file per process: often enough that nobody waits for it.
LOOK_EVERY_S = 0.05
DONE = "done"


@dataclass(frozen=True, slots=True)
class Process:
    """One of a session of its own, known by its id and its start."""

    pid: int
    start: str | None
    # How long it may take to end.
    grace_s: float

    @property
    def running(self) -> bool:
        return self.start is not None and started(self.pid) == self.start

    def signal(self, number: signal.Signals) -> None:
        """To it; SIGKILL also to all that it started in its group."""
        if self.running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if number is signal.SIGKILL else os.kill)(self.pid, number)


class Watched:
    """What there is to end: workloads together, then the controller that they register with, then its directory."""

    def __init__(self) -> None:
        self.workloads: list[Process] = []
        self.controllers: list[Process] = []
        self.directories: list[str] = []

    def note(self, line: str) -> None:
        kind, _, rest = line.strip().partition(" ")
        if kind == "directory":
            self.directories.append(rest)
        else:
            pid, grace_s = rest.split()
            processes = self.controllers if kind == "controller" else self.workloads
            processes.append(Process(int(pid), started(int(pid)), float(grace_s)))

    def end(self) -> None:
        end_all(self.workloads)
        end_all(self.controllers)
        for directory in self.directories:
            shutil.rmtree(directory, ignore_errors=True)


def end_all(processes: Sequence[Process]) -> None:
    """SIGTERM, and SIGKILL to those that take longer than they may."""
    began = time.monotonic()
    for process in processes:
        process.signal(signal.SIGTERM)
    while left := [process for process in processes if process.running]:
        for process in left:
            if time.monotonic() > began + process.grace_s:
                process.signal(signal.SIGKILL)
        time.sleep(LOOK_EVERY_S)


def watch(lines: Iterable[str]) -> None:
    watched = Watched()
    for line in lines:
        if line.strip() == DONE:
            return
        watched.note(line)
    with contextlib.suppress(OSError):
        print("weft: `weft up` was killed; stopping what it started", file=sys.stderr, flush=True)
    watched.end()


if __name__ == "__main__":
    watch(sys.stdin)
