"""Children of the harness: started on one core, ended by their own id.

Nobody else's process is ever signalled: only ids that were started here.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.procstat import family_now

# How long a process may take to end by itself before it is killed.
GRACE_S = 3.0


class ChildFailed(RuntimeError):
    """A child ended, or never served."""


def pinned(command: Sequence[str], core: int) -> list[str]:
    """The command on one core, and gone when the harness is killed outright.

    Both wrappers `exec`, so the child's id is the command's own.
    """
    return [
        *("setpriv", "--pdeathsig", "TERM"),
        *("taskset", "--cpu-list", str(core)),
        *command,
    ]


@dataclass(frozen=True)
class Child:
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-10:]
        return "\n  ".join([f"{self.log.stem} said:", *(lines or ["(nothing)"])])

    def refuse_ended(self) -> None:
        if self.process.poll() is not None:
            code = self.process.returncode
            raise ChildFailed(f"{self.log.stem} ended with {code}\n{self.last_words()}")


@contextmanager
def running(command: Sequence[str], core: int, log: Path) -> Iterator[Child]:
    """A child whose output goes to `log`; it ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            pinned(command, core),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the harness only, and the harness ends its children.
            start_new_session=True,
        )
    try:
        yield Child(process, log)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        # Its own children first: nobody else would end them.
        for pid in family_now([process.pid]) - {process.pid}:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
