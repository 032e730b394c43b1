"""Who listens on this machine, as far as the system tells: Linux does, of one's own processes and to root."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# proc_pid_net(5): columns 2 and 4 of net/tcp, and 10, the inode of the socket.
ADDRESS, STATE, INODE = 1, 3, 9
# TCP_LISTEN, linux/include/net/tcp_states.h
LISTEN = "0A"
EVERYWHERE = ("0.0.0.0", "::")
_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket that listens."""

    address: str
    port: int
    inode: str
    # None: of a process that we may not see into; then so is what follows.
    pid: int | None = None
    command: tuple[str, ...] = ()
    directory: str = ""


def holder(port: int, host: str = "") -> str | None:
    """ "python3 (pid 4711)"; None: nobody, or nobody whom we may see. `host`: only who is in the way there."""
    in_the_way = (host, *EVERYWHERE)
    inodes = {found.inode for found in _listening() if found.port == port and (not host or found.address in in_the_way)}
    if not inodes:
        return None
    for process in PROC.glob("[0-9]*"):
        if inodes & set(_sockets(process)):
            return f"{_name(process)} (pid {process.name})"
    return None


def listeners() -> list[Listener]:
    """All of them, by port. Empty where the system does not tell."""
    owners = {inode: process for process in PROC.glob("[0-9]*") for inode in _sockets(process)}
    found = (_owned(each, owners.get(each.inode)) for each in _listening())
    return sorted(found, key=lambda each: (each.port, each.address))


def _owned(found: Listener, process: Path | None) -> Listener:
    if process is None:
        return found
    try:
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        directory = os.readlink(process / "cwd")
    except OSError:
        return found
    command = tuple(word.decode("utf-8", "replace") for word in words)
    return Listener(found.address, found.port, found.inode, int(process.name), command, directory)


def _listening() -> Iterator[Listener]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[STATE] == LISTEN:
                address, _, port = fields[ADDRESS].rpartition(":")
                yield Listener(_address(address), int(port, 16), fields[INODE])


def _address(text: str) -> str:
    """Words of four bytes, each in the order of this machine: 0100007F is 127.0.0.1 on most."""
    words = (int(text[at : at + 8], 16) for at in range(0, len(text), 8))
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


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
