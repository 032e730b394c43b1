"""One weft.yaml on this machine: whether `weft up` runs it, and where that is asked and read.

Its directory is below the state directory and goes with the run. Nobody believes a process id alone: with the start
time beside it, a later process of the same id is not taken for ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from weft.client.errors import WeftError
from weft.run.plan import dns_label
from weft.run.state import PRIVATE_DIRECTORY, make_private, state_root, write_private
from weft.run.sys_started import started

# Each look reads one small file.
LOOK_EVERY_S = 0.05


class NotRunning(WeftError):
    """Nobody has this file up."""


@dataclass(frozen=True, slots=True)
class Run:
    """A `weft up`."""

    pid: int
    # In the system's own words, see `sys_started.py`.
    start: str | None
    # Unix time.
    since: float
    file: str
    # URL of its controller.
    controller: str
    # Where it is asked.
    socket: str

    @property
    def alive(self) -> bool:
        return self.start is not None and started(self.pid) == self.start


@dataclass(frozen=True, slots=True)
class Project:
    file: Path
    directory: Path

    @classmethod
    def of(cls, file: Path) -> Project:
        full = file.resolve()
        # The name is for people, the digest tells two folders of one name apart.
        digest = hashlib.sha256(os.fsencode(full)).hexdigest()[:8]
        return cls(full, state_root() / "up" / f"{dns_label(full.parent.name)}-{digest}")

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def joined(self, state_dir: Path | None = None) -> Path:
        """Where a machine that has joined keeps what it was given: `state_dir`, or a place of its own."""
        return (state_dir or state_root() / "joined" / self.directory.name).absolute()

    @property
    def kept(self) -> Path:
        """Where the first of several machines keeps controller and workloads from one start to the next."""
        return (state_root() / "mesh" / self.directory.name).absolute()

    def run(self) -> Run | None:
        """The run that has it up."""
        try:
            found = Run(**json.loads((self.directory / "run.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.alive else None

    def running(self) -> Run:
        found = self.run()
        if found is None:
            raise NotRunning(f"{self.file} is not up", "start it with `weft up`, or name another file with -f")
        return found

    def open(self) -> None:
        """Makes the directory, closed to others, without what an earlier run may have left."""
        if run := self.run():
            hint = "the same command again applies what has changed"
            raise WeftError(f"{self.file} is up already (pid {run.pid})", hint)
        self.remove()
        try:
            make_private(self.directory.parent)
            self.directory.mkdir(mode=PRIVATE_DIRECTORY)
        except OSError as error:
            hint = "make room or put it right there, or name another place in WEFT_STATE_DIR"
            raise WeftError(f"cannot use {self.directory}: {(error.strerror or str(error)).lower()}", hint) from error

    def note(self, controller: str, socket: Path) -> None:
        """This process has it up from now on."""
        pid = os.getpid()
        run = Run(pid, started(pid), time.time(), str(self.file), controller, str(socket))
        write_private(self.directory / "run.json", json.dumps(asdict(run)))

    def remove(self) -> None:
        """With the folders around it that nobody else has anything in."""
        shutil.rmtree(self.directory, ignore_errors=True)
        for folder in (self.directory.parent, self.directory.parent.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()


def stop(run: Run, at_once: bool = False, pause: Callable[[float], object] = time.sleep) -> None:
    """As Ctrl-C does, once or twice; returns when it has ended and nothing of it is left."""
    os.kill(run.pid, signal.SIGTERM)
    if at_once:
        pause(LOOK_EVERY_S)  # two signals at the same moment are one
        if run.alive:
            os.kill(run.pid, signal.SIGTERM)
    while run.alive:
        pause(LOOK_EVERY_S)
