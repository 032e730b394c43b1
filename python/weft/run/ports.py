"""Ports that `weft up` needs and somebody else has: said before anything starts, and by whom they are held."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from weft.client.errors import WeftError
from weft.run.sys_ports import holder

if TYPE_CHECKING:
    from weft.resources import Expanded


class Taken(WeftError):
    """Somebody else listens there."""


def wanted(expanded: Expanded, publish: Mapping[str, object]) -> dict[str, str]:
    """Fixed local addresses of a file, and what each is for."""
    found = dict.fromkeys(publish, "what is published there")
    for plan in expanded.workloads:
        found.update({f"127.0.0.1:{app}": f"`listen` of {plan.name}" for app in plan.ports.values() if app})
    return found


def refuse_taken(addresses: Mapping[str, str]) -> None:
    """`addresses`: "host:port" to what it is for."""
    for address, purpose in addresses.items():
        if not is_free(address):
            host, _, port = address.rpartition(":")
            who = holder(int(port), host.strip("[]"))
            if who is None:
                hint = f"`ss -ltnp` as root, or `lsof -i :{port}`, says by whom; stop that, or take another port"
                raise Taken(f"{address} is in use: {purpose} needs it", hint)
            hint = "stop that process (`weft down`, where it is of another `weft up`), or take another port"
            raise Taken(f"{address} is in use by {who}: {purpose} needs it", hint)


def is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As every server does: connections that are closing hold nobody up.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            # Whatever else is wrong with it, the listener will say better.
            return error.errno != errno.EADDRINUSE
    return True
