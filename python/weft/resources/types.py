"""The small types that fields are made of: names, ports, durations, paths.

A name goes into keys such as "default/reviews:80[v2]@shop" and into rule ids, so none of those signs can be in it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

# RFC 1123, 2.1: what Kubernetes calls a DNS label.
DnsLabel: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=63),
    AfterValidator(lambda v: _matching(v, _LABEL, "a label (lower-case letters, digits and '-' inside)")),
    WithJsonSchema({"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}),
]
# Kubernetes' limit for object names: a DNS subdomain.
DnsName: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=253),
    AfterValidator(lambda v: _matching(v, _NAME, "a name (lower-case letters, digits, '-' and '.' inside)")),
]
# RFC 9110, 5.6.2: token. Field names are compared in lower case from here on.
HeaderName: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=256),
    AfterValidator(lambda v: _header_name(v)),
]
# RFC 6265, 4.1.1: a token, too. Its case counts.
CookieName: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=256),
    AfterValidator(lambda v: _matching(v, _TOKEN, "the name of a cookie (no spaces, no = and no ;)")),
]
HeaderText: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=4096),
    AfterValidator(lambda v: _matching(v, _HEADER_TEXT, "a header value (no line breaks or control characters)")),
]
Method: TypeAlias = Annotated[
    str, AfterValidator(lambda v: _matching(v, _METHOD, "a method in upper case, such as GET"))
]
Port: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=65535)]
Weight: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Percent: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=100)]
# Where the contract's 0 means "the default", so that a written 0 would be a silent something else.
AtLeastOne: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
OnePercent: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=100)]
# Strict: pydantic would take the string "no" for False, as YAML 1.1 did.
Flag: TypeAlias = Annotated[bool, Field(strict=True)]
# "" is core Kubernetes; both mean the same here.
Group: TypeAlias = Literal["", "weft"]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_TEXT = re.compile(r"[\t\x20-\x7e\x80-\uffff]*")
_METHOD = re.compile(r"[A-Z][A-Z-]*")
# SPIFFE-ID, 2: trust domain; the path is that of Istio and ours.
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]+/ns/[a-z0-9.-]+/sa/[A-Za-z0-9._-]+")
# GEP-2257. At most four parts of at most five digits: 99999h is the longest, about eleven years.
_DURATION = re.compile(r"([0-9]{1,5}(h|ms|m|s)){1,4}")
_PART = re.compile(r"([0-9]+)(h|ms|m|s)")
_UNIT_MS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def wrong(why: str, hint: str = "") -> PydanticCustomError:
    """The error that a validator raises: `why` reads on after the field's name."""
    return PydanticCustomError("weft", "{why}", {"why": why, "hint": hint})


def once(field: str, names: Iterable[str]) -> None:
    """Gateway API ignores the second of two equal names; ignoring half a condition is a wider rule, so we refuse."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise wrong(f"{field} name {name!r} twice", "one entry per name")
        seen.add(name)


def _matching(value: str, pattern: re.Pattern[str], rule: str) -> str:
    if not pattern.fullmatch(value):
        raise wrong(f"{value!r} is not {rule}", _spelling(value, pattern))
    return value


def _spelling(value: str, pattern: re.Pattern[str]) -> str:
    for candidate in (value.lower(), value.lower().replace("_", "-"), value.upper()):
        if candidate != value and pattern.fullmatch(candidate):
            return f'write "{candidate}"'
    return ""


def _header_name(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise wrong(f"{value!r} is not a header name", "no spaces, no colon; pseudo-headers have fields of their own")
    return value.lower()


def duration_ms(value: Any) -> Any:
    """A GEP-2257 duration ("10s", "1h30m", "250ms") or a timedelta as milliseconds."""
    if isinstance(value, timedelta):
        return value // timedelta(milliseconds=1)
    if isinstance(value, int) and not isinstance(value, bool):
        raise wrong(f"{value} has no unit", f'write "{value}s" or "{value}ms"')
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise wrong(f"{value!r} is not a duration", "whole numbers with h, m, s or ms, such as 10s, 1h30m or 250ms")
    return sum(int(number) * _UNIT_MS[unit] for number, unit in _PART.findall(value))


def duration_text(ms: int) -> str:
    """The shortest spelling: 90000 gives "1m30s"."""
    parts = []
    for unit, size in _UNIT_MS.items():
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _some_time(ms: int) -> int:
    if ms == 0:
        raise wrong("0 is no time", "leave it out for the default")
    return ms


# In Python a number of milliseconds; written "10s" or given as timedelta.
Duration: TypeAlias = Annotated[
    int,
    BeforeValidator(duration_ms),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
# Where "0s" does not mean "none".
Time: TypeAlias = Annotated[Duration, AfterValidator(_some_time)]


def _ip(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        host, colon, port = value.rpartition(":")
        other = "an IPv4 or IPv6 address, no name: dns finds those"
        hint = f"address: {host}, port: {port}" if colon and port.isdigit() else other
        raise wrong(f"{value!r} is not an IP address", hint) from None


def _cidr(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        pass
    try:
        hint = f'write "{ipaddress.ip_network(value, strict=False)}"'
    except ValueError:
        hint = "such as 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32"
    raise wrong(f"{value!r} is not an IP block", hint)


def _spiffe_id(value: str) -> str:
    if not _SPIFFE_ID.fullmatch(value):
        raise wrong(f"{value!r} is not a SPIFFE ID", "spiffe://<trust domain>/ns/<namespace>/sa/<service account>")
    return value


SpiffeId: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=2048),
    AfterValidator(_spiffe_id),
    WithJsonSchema({"type": "string", "maxLength": 2048, "pattern": f"^{_SPIFFE_ID.pattern}$"}),
]
IpAddress: TypeAlias = Annotated[str, AfterValidator(_ip)]
IpBlock: TypeAlias = Annotated[str, AfterValidator(_cidr)]


_NOT_RE2 = (
    (re.compile(r"(?<!\\)\(\?<?[=!]"), "look-ahead or look-behind"),
    (re.compile(r"(?<!\\)(\\\\)*\\[1-9]"), "a back-reference"),
    (re.compile(r"(?<!\\)\(\?>"), "an atomic group"),
)


def linear_regex(value: str) -> str:
    """Refuses what RE2 cannot do and people are used to; everything else is judged by the core, which runs it."""
    for construct, name in _NOT_RE2:
        if construct.search(value):
            raise wrong(f"{value!r} uses {name}", "RE2 syntax: every pattern matches in linear time")
    return value


Regex: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(linear_regex)]
