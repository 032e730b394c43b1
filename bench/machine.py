"""The machine: which core does what, which ports are free.

Two cores are enough and two are assumed: what is measured has core 0 to itself;
all that only makes or answers load shares core 1, this process included.
"""

import os
import random
import resource
import socket

PROXY_CORE = 0
LOAD_CORE = 1

# Below the kernel's range for outgoing connections (32768 and up by default): no
# client's own port can take a listener's between the choice and the bind.
PORTS = range(18000, 32000)


class UnfitMachine(RuntimeError):
    """The method cannot be kept here."""


def settle() -> None:
    """Keeps the harness off the measured core and lifts the limit on files."""
    if not {PROXY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise UnfitMachine("needs cores 0 and 1: one for the proxy, one for the load")
    os.sched_setaffinity(0, {LOAD_CORE})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A pair at 256 connections holds about 1,100 files; 1024 is a common default.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_ports(count: int) -> list[int]:
    """Distinct ports on which nothing listens now."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            return found
        if _is_free(port):
            found.append(port)
    raise UnfitMachine(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")


def _is_free(port: int) -> bool:
    # Every address, because the backend listens on more than 127.0.0.1.
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
