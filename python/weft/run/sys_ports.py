"""Who listens on a port of this machine, as far as the system tells: Linux does, of one's own processes and to root."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
# proc_pid_net(5): columns 2 and 4 of net/tcp, and 10, the inode of the socket.
ADDRESS, STATE, INODE = 1, 3, 9
# TCP_LISTEN, linux/include/net/tcp_states.h
LISTEN = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def holder(port: int) -> str | None:
    """ "python3 (pid 4711)"; None: nobody, or nobody whom we may see."""
    inodes = set(_listening(port))
    if not inodes:
        return None
    for process in PROC.glob("[0-9]*"):
        if inodes & set(_sockets(process)):
            return f"{_name(process)} (pid {process.name})"
    return None


def _listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[STATE] == LISTEN and int(fields[ADDRESS].rpartition(":")[2], 16) == port:
                yield fields[INODE]


def _sockets(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            if match := _SOCKET.fullmatch(os.readlink(descriptor)):
                yield match[1]
    except OSError:
        return  # it has ended, or is somebody else's


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process"
