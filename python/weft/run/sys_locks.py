"""Which process has taken a lock on a file (flock): Linux tells in /proc/locks, other systems do not."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

LOCKS = Path("/proc/locks")


def held(path: Path) -> bool:
    """Somebody has it. Looking changes nothing: what is taken to look is let go at once."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> int | None:
    """The process that took it; None: nobody, or nobody can tell."""
    try:
        there = path.stat()
        lines = LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    device = f"{os.major(there.st_dev):02x}:{os.minor(there.st_dev):02x}:{there.st_ino}"
    for fields in map(str.split, lines):
        # proc_locks(5): "1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF"; with "->" whoever waits for it.
        if fields[1:2] == ["FLOCK"] and device in fields:
            return int(fields[fields.index(device) - 1])
    return None
