"""`weft up -d`: another process runs it, in a session of its own; what it says until all is ready is passed on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

# The last line that a detached run says to whoever started it.
READY = "all ready; `weft down` stops everything"
# 128 + SIGINT, as shells count.
INTERRUPTED = 130


def detach(options: Sequence[str], say: Callable[[str], object]) -> int:
    """`weft up` with these options. Returns when all is ready, or the exit status of what could not be started."""
    # Without the folder of the weft.yaml on its path: a file types.py there is not Python's.
    return started([sys.executable, "-P", "-m", "weft.cli", "up", "--detached", *options], say)


def started(command: Sequence[str], say: Callable[[str], object]) -> int:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            say(line.rstrip("\n"))
            if line.rstrip().endswith(READY):
                process.returncode = 0  # it goes on without us
                return 0
        return process.wait() or 1
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return INTERRUPTED


def let_go() -> None:
    """In the other process, when all is ready: nobody reads its output any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
