"""What an answer of DNS may name: places on other machines.

Whoever answers for a name chooses where the callers' proxies connect to. An address that means whoever uses it would
let a stranger reach from inside what listens for that machine alone (DNS rebinding): loopback, and link-local, where
clouds keep a machine's credentials.
"""

from __future__ import annotations

import ipaddress

_THIS_HOST = ipaddress.ip_network("0.0.0.0/8")


def refusal(address: str, server: str) -> str:
    """Why it is not used; "": it is. `server`: "<ip>:<port>" as the source names it, "" for those of this machine; one
    that was put on loopback is somebody's own, and may speak of loopback."""
    found = _plain(address)
    if found.is_loopback:
        own = server and _plain(server.rpartition(":")[0].strip("[]")).is_loopback
        return "" if own else f"{address} is whoever uses it (for this machine: endpoints: [{{address: {address}}}])"
    if found.is_link_local:
        return f"{address} is link-local: each machine has its own"
    if found.is_unspecified or found.is_multicast or found in _THIS_HOST or (found.version == 4 and found.is_reserved):
        return f"{address} is no address of a machine"
    return ""


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """::ffff:127.0.0.1 is 127.0.0.1."""
    found = ipaddress.ip_address(text)
    return getattr(found, "ipv4_mapped", None) or found
