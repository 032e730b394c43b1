"""Where a service's endpoints are found when nobody registers them: `spec.discovery`, one entry per source.

    discovery:
    - dns: db.example.com                       # A and AAAA; a name that begins with _ is asked for SRV
    - dns: {name: db.example.com, type: AAAA, port: 5432, server: "192.0.2.53:5353", labels: {version: v2}}
    - file: /etc/weft/db.yaml                   # a list of endpoints, read again when it changes

Several sources are merged; none of them ever empties the service (`weft.discovery` says how).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from weft.resources.base import Model
from weft.resources.types import Port, wrong

RecordType: TypeAlias = Literal["auto", "A", "AAAA", "SRV"]

DNS_PORT = 53
# Nothing else is read: a path in a resource must not be a way to look into a key or a password file.
SUFFIXES = (".yaml", ".yml", ".json")

# RFC 1035 2.3.1 with the underscore of RFC 2782; the dot at the end says that no search list is wanted.
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?")


def _host(value: str) -> str:
    host, colon, port = value.partition(":")
    if _is_ip(value):
        raise wrong(f"{value} is an address, and needs no DNS", f"endpoints: [{{address: {value}}}]")
    if not _HOST.fullmatch(value.lower()):
        named = colon and port.isdecimal() and _HOST.fullmatch(host.lower())
        hint = f"name: {host}, port: {port}" if named else "such as db.example.com or _postgres._tcp.example.com"
        raise wrong(f"{value!r} is not a host name", hint)
    if _is_ip(value.rstrip(".")):
        raise wrong(f"{value!r} is an address with a dot behind it", f"endpoints: [{{address: {value.rstrip('.')}}}]")
    return value.lower()


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _server(value: str) -> str:
    """As "<ip>:<port>", IPv6 in brackets."""
    host, colon, port = (value, "", "") if _is_ip(value) else value.rpartition(":")
    address = host.removeprefix("[").removesuffix("]")
    right_port = port.isdecimal() and 0 < int(port) < 65_536 if colon else not port
    if not _is_ip(address) or not right_port:
        hint = 'its address, such as 192.0.2.53, "192.0.2.53:5353" or "[::1]:53"'
        raise wrong(f"{value!r} is not a DNS server", hint)
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{port or DNS_PORT}"


def right_suffix(value: str) -> str:
    if PurePosixPath(value).suffix not in SUFFIXES or "\0" in value:
        raise wrong(f"{value!r} is neither YAML nor JSON", f"the file's name ends in {', '.join(SUFFIXES)}")
    return value


def _absolute(value: str) -> str:
    if not PurePosixPath(value).is_absolute():
        raise wrong(f"the path {value!r} is relative", "the controller reads it: write its whole path on that machine")
    return right_suffix(value)


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _at(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class DnsSource(Model):
    INSTEAD: ClassVar[Mapping[str, str]] = {
        "address": "name: db.example.com; for an address: endpoints: [{address: 192.0.2.7}]",
        "host": "name: db.example.com",
        "interval": "remove it: each record's own TTL says when it is asked again",
        "ttl": "remove it: each record's own TTL holds",
    }

    # The name that is asked for; one that begins with _ is asked for SRV.
    name: Annotated[str, StringConstraints(max_length=254), AfterValidator(_host)]
    # "auto": A and AAAA; SRV for a name that begins with _.
    type: RecordType = "auto"
    # Of the endpoints; without it the service port. An SRV record brings its own.
    port: Port | None = None
    # "<ip>:<port>"; without it those of this machine: /etc/hosts first, then /etc/resolv.conf with its search list.
    server: Annotated[str, AfterValidator(_server)] | None = None
    # Of all endpoints that it finds: what subsets and selectors choose by.
    labels: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_port(self) -> DnsSource:
        if self.srv and self.port:
            raise wrong("an SRV record brings its own port", "remove port, or ask for type: A")
        return self

    @property
    def srv(self) -> bool:
        return self.type == "SRV" or (self.type == "auto" and self.name.startswith("_"))

    def __str__(self) -> str:
        asked = "" if self.type == "auto" else f" {self.type}"
        port = f" port {self.port}" if self.port else ""
        return f"dns {self.name}{asked}{port}{f' at {self.server}' if self.server else ''}"


class FileSource(Model):
    # Of a YAML or JSON file on the controller's machine.
    path: Annotated[str, StringConstraints(max_length=4096), AfterValidator(_absolute)]

    def __str__(self) -> str:
        return f"file {self.path}"


Dns: TypeAlias = Annotated[DnsSource, BeforeValidator(_named)]


class Source(Model):
    """One of `dns`, `file`. Its text is its name: for people, in what is remembered, and unique in its service."""

    INSTEAD: ClassVar[Mapping[str, str]] = {
        "files": "one entry for each: - file: /etc/weft/db.yaml",
        "static": "endpoints: [{address: 192.0.2.7}] beside discovery",
    }
    NOT_YET: ClassVar[frozenset[str]] = frozenset(("consul", "etcd", "eureka", "kubernetes", "zookeeper"))

    # A name by which DNS knows the endpoints.
    dns: Dns | None = None
    # A file that lists them.
    file: Annotated[FileSource, BeforeValidator(_at)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if (self.dns is None) == (self.file is None):
            raise wrong("needs exactly one of dns, file", "such as dns: db.example.com")
        return self

    @property
    def brings_ports(self) -> bool:
        """Whether every endpoint that it finds has a port of its own."""
        return self.dns is not None and (self.dns.srv or self.dns.port is not None)

    def __str__(self) -> str:
        return str(self.dns or self.file)
