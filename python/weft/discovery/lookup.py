"""One question to DNS: records and how long they hold, or why there are none. The only file that knows dnspython."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from weft.discovery.source import Failed
from weft.discovery.threads import in_thread

Type: TypeAlias = Literal["A", "AAAA", "SRV"]

# For one question with all its tries, over UDP and, where the answer does not fit, TCP.
PATIENCE_S: Final = 5.0
# No answer within this: the next server, or the same again. glibc waits 5 s; ours are near.
TRY_S: Final = 1.5
# Questions under way at once to one server (or to those of this machine). Each is a socket, of the 1,024 that a process
# has by default.
MAX_QUESTIONS: Final = 256
# Of these, questions that had no answer last time have a lane of their own: a thousand dead names delay no living one.
MAX_DOUBTFUL: Final = 64
# Questions that failed: a server that names other targets each time must not fill the memory with them.
MAX_REMEMBERED: Final = 10_000
# RFC 6891 and DNS Flag Day 2020: more is fragmented on the way.
UDP_PAYLOAD: Final = 1232


@dataclass(frozen=True, slots=True)
class Record:
    """An address (`target`), or the target, port, priority and weight of an SRV record."""

    target: str
    port: int = 0
    priority: int = 0
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Records:
    """No records: the name exists without any of this type, or does not exist; `why` says which."""

    records: tuple[Record, ...]
    # Of the shortest link of the chain; of a negative answer what its SOA says (RFC 2308, 5).
    ttl_s: float
    why: str = ""


class Lookup:
    """`server`: "<ip>:<port>"; empty: those of /etc/resolv.conf, with its search list."""

    def __init__(self) -> None:
        # By server and whether the question is doubtful.
        self._lanes: dict[tuple[str, bool], asyncio.Semaphore] = {}
        # Questions that failed when they were last asked, and how.
        self._doubtful: dict[tuple[str, Type, str], str] = {}

    async def __call__(self, name: str, type_: Type, server: str) -> Records:
        """Raises `Failed` when nobody gave an answer that could be believed."""
        question = name, type_, server
        lane = self._lane(server, question in self._doubtful)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await lane.acquire()
        except TimeoutError:
            many = f"{name} {type_}: too many questions wait for an answer"
            raise Failed(self._doubtful.get(question, many)) from None
        try:
            resolver = await in_thread(lambda: _resolver(server))
            found = await _ask(resolver, name, type_, server)
        except Failed as error:
            self._doubt(question, str(error))
            raise
        finally:
            lane.release()
        self._doubtful.pop(question, None)
        return found

    def _doubt(self, question: tuple[str, Type, str], why: str) -> None:
        self._doubtful.pop(question, None)
        self._doubtful[question] = why
        if len(self._doubtful) > MAX_REMEMBERED:
            del self._doubtful[next(iter(self._doubtful))]

    def _lane(self, server: str, doubtful: bool) -> asyncio.Semaphore:
        return self._lanes.setdefault(
            (server, doubtful), asyncio.Semaphore(MAX_DOUBTFUL if doubtful else MAX_QUESTIONS)
        )


def _resolver(server: str) -> dns.asyncresolver.Resolver:
    try:
        # Anew each time: a laptop that moves gets another resolv.conf.
        resolver = dns.asyncresolver.Resolver(configure=not server)
    except dns.resolver.NoResolverConfiguration:
        raise Failed("no DNS server: /etc/resolv.conf names none (or write server: 192.0.2.53)") from None
    if server:
        host, _, port = server.rpartition(":")
        resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
    resolver.timeout, resolver.lifetime = TRY_S, PATIENCE_S
    resolver.use_edns(0, 0, UDP_PAYLOAD)
    return resolver


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, type_: Type, server: str) -> Records:
    who = f" by {server}" if server else ""
    try:
        answer = await resolver.resolve(name, type_, raise_on_no_answer=False, search=not server)
    except dns.resolver.NXDOMAIN as error:
        ttls = (response.resolve_chaining().minimum_ttl for response in error.kwargs["responses"].values())
        return Records((), float(min(ttls)), f"{name}: there is no such name (NXDOMAIN{who})")
    except dns.resolver.NoNameservers as error:
        raise Failed(f"{name} {type_}: {_codes(error)}{who}") from None
    except dns.exception.Timeout:
        raise Failed(f"{name} {type_}: no answer{who} within {PATIENCE_S:g} s") from None
    except (dns.exception.DNSException, OSError) as error:
        raise Failed(f"{name} {type_}: {type(error).__name__}{who}: {error}") from None
    ttl = float(answer.chaining_result.minimum_ttl)
    if answer.rrset is None:
        return Records((), ttl, f"{name}: it has no {type_} record")
    return Records(tuple(_record(each, type_) for each in answer.rrset), ttl)


def _record(data: object, type_: Type) -> Record:
    if type_ == "SRV":
        return Record(data.target.to_text(), data.port, data.priority, data.weight)  # type: ignore[attr-defined]
    return Record(data.address)  # type: ignore[attr-defined]


def _codes(error: dns.resolver.NoNameservers) -> str:
    """What each server said: "SERVFAIL", "connection refused". Without times and ports, so that it stays the same."""
    said = dict.fromkeys(_said(each[3]) for each in error.kwargs.get("errors", ()))
    return ", ".join(said) or "no server answered"


def _said(error: object) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return str(error) or type(error).__name__
