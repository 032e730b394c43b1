"""Addresses of services as one workload sees them: each its own, with the service's own ports.

In explicit mode an app reaches `reviews` at, say, 127.83.12.3:80: a loopback address that belongs to this workload and
this service only, so that which service is meant needs no guessing. They lie in 127.64.0.0/10, away from 127.0.0.1 and
from 127.0.1.1 (Debian's own host name) and 127.0.0.53 (systemd-resolved). A workload's block is the same at each start.

Where loopback is one address (macOS), and for ports that only root may bind, a service gets any free port instead; the
app is told which by `<SERVICE>_PORT`.
"""

from __future__ import annotations

import errno
import hashlib
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from weft.client.errors import WeftError

FIRST = int(IPv4Address("127.64.0.0"))
BLOCKS = 1 << 14  # of 256 addresses each: a /10
HOSTS = range(1, 255)
# One workload in 16,384 shares its block with a given other one; eight tries make the collision of 100 workloads on
# one machine a matter of once in 10^17 starts.
TRIES = 8

ANY_PORT = "127.0.0.1:0"

# An app binds its port only when it has started. What the system gives to connections and to listeners that name no
# port lies above these (Linux from 32768, macOS and IANA from 49152), so that none of them comes first.
APP_PORTS = range(20_000, 32_768)
# With nine tenths of them in use, one that is free is found all the same.
PORT_TRIES = 200

Probe = Callable[[str, int], int]


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One port of one service."""

    # "<namespace>/<service>"
    service: str
    port: int


class BlocksTaken(WeftError):
    """Every block that was tried has an address in use."""


def allocate(workload: str, targets: Sequence[Target], probe: Probe | None = None) -> dict[Target, str]:
    """`targets` to "address:port" for one workload ("<namespace>/<name>"), in its first block that is free."""
    probe = probe or bind_error
    for block in _blocks(workload):
        if (found := _in_block(block, targets, probe)) is not None:
            return found
    raise BlocksTaken(
        f"no free block of loopback addresses for {workload} after {TRIES} tries",
        "is another copy of it running? `weft workloads` lists them",
    )


def _blocks(workload: str) -> Iterator[int]:
    digest = hashlib.sha256(workload.encode()).digest()
    for i in range(TRIES):
        yield int.from_bytes(digest[2 * i : 2 * i + 2], "big") % BLOCKS


def _in_block(block: int, targets: Sequence[Target], probe: Probe) -> dict[Target, str] | None:
    services = sorted({target.service for target in targets})
    addresses = dict(zip(services, _addresses(block), strict=False))
    found: dict[Target, str] = {}
    for target in targets:
        address = addresses[target.service]
        error = probe(address, target.port)
        if error == errno.EADDRINUSE:
            return None
        if error == errno.EACCES:
            found[target] = f"{address}:0"  # below 1024, without the right to bind it
        elif error:
            found[target] = ANY_PORT  # EADDRNOTAVAIL: loopback is one address here
        else:
            found[target] = f"{address}:{target.port}"
    return found


def _addresses(block: int) -> Iterator[str]:
    """Without .0 and .255, which some stacks treat as broadcast; on into the next blocks after 254 services."""
    while True:
        for host in HOSTS:
            yield str(IPv4Address(FIRST + (block % BLOCKS) * 256 + host))
        block += 1


def bind_error(address: str, port: int) -> int:
    """errno of binding there now; 0: free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def free_port(taken: set[int], ports: Sequence[int] = APP_PORTS) -> int:
    """A port that nobody uses at this moment and that is not in `taken`, where it is put; if possible of `ports`."""
    for port in random.sample(ports, min(PORT_TRIES, len(ports))):
        if port not in taken and not bind_error("127.0.0.1", port):
            taken.add(port)
            return port
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            given: int = probe.getsockname()[1]
        if given not in taken:
            taken.add(given)
            return given
