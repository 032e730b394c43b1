"""Addresses between machines: which one of ours another machine sees, and whether theirs answers."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from ipaddress import ip_address

from weft.run.controller import Failed

# A SYN is sent again after 1 and 3 s (RFC 6298): two of them may be lost.
CONNECT_S = 5.0


def split(address: str) -> tuple[str, int]:
    """ "[2001:db8::1]:15010" to host and port."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_here(host: str) -> bool:
    """Whether it is an address of this machine."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def seen_from(address: str) -> str:
    """The address of this machine that the one at `address` ("host:port") sees. Nothing is sent (UDP)."""
    host, port = split(address)
    try:
        # By getaddrinfo: a controller may be advertised by name.
        family, kind, _, _, there = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(there)
            found: str = probe.getsockname()[0]
            return found
    except OSError as error:
        raise _failed(address, error) from error


def refuse_unreachable(addresses: Iterable[str]) -> None:
    """Raises `Failed` for the first at which nobody answers."""
    for address in addresses:
        try:
            socket.create_connection(split(address), CONNECT_S).close()
        except OSError as error:
            raise _failed(address, error) from error


def _failed(address: str, error: OSError) -> Failed:
    what = f"the controller at {address} cannot be reached"
    if isinstance(error, TimeoutError):
        _, port = split(address)
        return Failed(f"{what}: no answer within {CONNECT_S:.0f} s", f"does a firewall drop TCP to port {port}?")
    why = f"{what}: {(error.strerror or str(error)).lower()}"
    if error.errno == errno.ECONNREFUSED:
        return Failed(why, "is `weft up` running there, with `controller:` in its weft.yaml, or --listen?")
    return Failed(why, "is that its address, and this machine in its network?")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
