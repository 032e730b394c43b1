"""Children of the harness: started on one core, ended by their own id.

Nobody else's process is ever signalled: only ids that were started here.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def running(
    command: Sequence[str], core: int, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A child whose output goes to `log`; it ends with the block."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            pinned(command, core),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the harness only, and the harness ends its children.
            start_new_session=True,
        )
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def refuse_ended(child: subprocess.Popen[bytes], log: Path) -> None:
    """Raises, with the last words of the child, if it runs no more."""
    if child.poll() is None:
        return
    words = log.read_text(errors="replace").splitlines()[-10:]
    reason = "\n  ".join(words) or "(it said nothing)"
    raise ChildFailed(f"{log.stem} ended with {child.returncode}:\n  {reason}")
