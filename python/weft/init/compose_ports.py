"""Ports of a Compose service: "8080:80", "127.0.0.1:8080-8081:80-81/tcp", or a mapping.

Source: https://docs.docker.com/reference/compose-file/services/#ports
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from weft.init.compose_variables import resolved

# What stands between colons; a variable has colons of its own.
# "127.0.0.1::80": reached there, at a port that Docker chooses.
_ADDRESS_ALONE = re.compile(r"(\[[^\]]*\]|[^:\[\]]+)::(?=[^:]+$)")
_PART = re.compile(r"(?:\$\{[^}]*\}|\[[^\]]*\]|[^:])+")
MAX_PORT = 65535


class Unclear(ValueError):
    """It is no port; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Port:
    # In the container: what clients know.
    target: int
    # On this machine: as it was written, perhaps a variable; None: nowhere.
    published: str | int | None = None
    # As it is now.
    local: int | None = None
    host: str = ""
    protocol: str = "tcp"


def ports_of(value: Any, variables: Mapping[str, str]) -> Iterator[Port]:
    """One entry of `ports`; raises `Unclear`."""
    if isinstance(value, Mapping):
        yield _mapping(value, variables)
        return
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unclear('write "8080:80"')
    text, _, protocol = str(value).partition("/")
    parts = _PART.findall(_ADDRESS_ALONE.sub("", text))
    if not 1 <= len(parts) <= 3:
        raise Unclear('write "8080:80"')
    targets = _range(resolved(parts[-1], variables))
    written = parts[-2] if len(parts) > 1 else None
    locals_ = _range(resolved(written, variables)) if written else []
    if locals_ and len(locals_) != len(targets):
        raise Unclear("both ranges have to be equally long")
    host = _host(resolved(parts[0], variables)) if len(parts) == 3 else ""
    for place, target in enumerate(targets):
        local = locals_[place] if locals_ else None
        as_written = written if written and "$" in written and len(targets) == 1 else local
        yield Port(target, as_written, local, host, protocol or "tcp")


def _mapping(value: Mapping[str, Any], variables: Mapping[str, str]) -> Port:
    (target,) = _range(resolved(str(value.get("target", "")), variables))[:1] or [0]
    written = value.get("published")
    now = _range(resolved(str(written), variables))[:1] if written else []
    published = str(written) if "$" in str(written) else (now[0] if now else None)
    host = _host(str(value.get("host_ip", "") or ""))
    return Port(target, published, now[0] if now else None, host, str(value.get("protocol", "tcp")))


def _range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    try:
        found = list(range(int(first), int(last or first) + 1))
    except ValueError:
        raise Unclear(f"{text!r} is not a number") from None
    if not found or not 0 < found[0] <= found[-1] <= MAX_PORT:
        raise Unclear(f"{text} is no port: 1 to {MAX_PORT}")
    return found


def _host(text: str) -> str:
    """An address at which others reach it; "" for all of them."""
    bare = text.strip("[]") or "0.0.0.0"
    try:
        return "" if ipaddress.ip_address(bare).is_unspecified else bare
    except ValueError:
        raise Unclear(f"{text!r} is not an IP address") from None
