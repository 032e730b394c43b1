"""Whose process is at the other end of a TCP connection over loopback? The kernel knows; Linux tells (sock_diag(7)).

Other systems do not tell it for TCP: there every local user counts as the controller's own, and `main.py` says so.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
from typing import Final

SUPPORTED: Final = sys.platform == "linux"

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI HH 16s 16s III".replace(" ", ""))
_ANY_COOKIE = 0xFFFFFFFF
_ESTABLISHED = 1
# Of inet_diag_msg: after state, timers and socket id come expires, rqueue, wqueue, uid, inode.
_STATE_AT = _HEADER.size + 1
_OWNER_AT = _HEADER.size + 4 + 48 + 12
_OWNER = struct.Struct("=II")


def owner(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """The user of the process that connected from `client` to `server`; None when it cannot be told.

    Only of a connection that is established at that end: the kernel reports user 0 for sockets whose process has let
    go of them, and somebody who closes quickly must not become root by it.
    """
    if not SUPPORTED:
        return None
    try:
        answer = _ask(_request(client, server))
    except (OSError, ValueError):
        return None
    kind = _HEADER.unpack_from(answer)[1] if len(answer) >= _OWNER_AT + _OWNER.size else 0
    if kind != _SOCK_DIAG_BY_FAMILY or answer[_STATE_AT] != _ESTABLISHED:
        return None
    uid, inode = _OWNER.unpack_from(answer, _OWNER_AT)
    return int(uid) if inode else None


def trusted(uid: int | None) -> bool:
    """The controller's own user, and root: who could read its files anyway."""
    if not SUPPORTED:
        return True
    return uid is not None and uid in (os.geteuid(), 0)


def _request(client: tuple[str, int], server: tuple[str, int]) -> bytes:
    ends = [(ipaddress.ip_address(host), port) for host, port in (client, server)]
    family = socket.AF_INET if ends[0][0].version == 4 else socket.AF_INET6
    packed = [address.packed.ljust(16, b"\0") for address, _ in ends]
    ports = [struct.unpack("=H", struct.pack("!H", port))[0] for _, port in ends]
    states = 1 << _ESTABLISHED
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, states, *ports, *packed, 0, _ANY_COOKIE, _ANY_COOKIE)
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + body


def _ask(request: bytes) -> bytes:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(1.0)
        netlink.send(request)
        return netlink.recv(4096)
