"""A port of this machine that nobody has."""

from __future__ import annotations

import socket

from weft.run.ports import is_free


def free_port(wanted: int, neighbours: int = 1) -> int:
    """`wanted` where it and those above it (`neighbours` in all) are free, else such a one that the system chooses."""
    first = wanted
    while not all(first + i < 65536 and is_free(f"127.0.0.1:{first + i}") for i in range(neighbours)):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
    return first
