"""How a weft.yaml names the controller of several machines."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from weft.resources.types import wrong

CONTROLLER_PORT = 15010
# Joining is on the next port.
MAX_CONTROLLER_PORT = 65534

_ADDRESS = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\[\]]+))(?::(?P<port>\d{1,5}))?|(?P<bare>[^\[\]]+)")


def controller_address(text: str) -> str:
    """ "192.0.2.1", "[2001:db8::1]:15012" or "2001:db8::1" as "host:port". Raises ValueError with a hint."""
    found = _ADDRESS.fullmatch(text)
    parts = found.groupdict() if found else {}
    host, port = parts.get("six") or parts.get("four") or parts.get("bare") or "", parts.get("port")
    try:
        address = ip_address(host)
    except ValueError:
        raise wrong(f"{text!r} is not the IP address of a machine", "such as 192.0.2.1") from None
    if address.is_unspecified or address.is_multicast:
        raise wrong(f"{text} is no address at which other machines reach it", "such as 192.0.2.1")
    number = int(port) if port else CONTROLLER_PORT
    if not 0 < number <= MAX_CONTROLLER_PORT:
        raise wrong(f"a controller has no port {number}", f"leave it out: it is {CONTROLLER_PORT}")
    return f"[{address}]:{number}" if address.version == 6 else f"{address}:{number}"


ControllerAddress: TypeAlias = Annotated[str, AfterValidator(controller_address)]
