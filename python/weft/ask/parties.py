"""Who calls, and what is called: the two ends of a question, from the words that people use."""

from __future__ import annotations

from dataclasses import dataclass

from weft.compiler.connect import identity_of
from weft.compiler.model import Compiled
from weft.resources.problem import did_you_mean
from weft.resources.service import Service


class NotFound(ValueError):
    """There is nobody of that name; the message says who there is."""


@dataclass(frozen=True, slots=True)
class Caller:
    # As shown.
    name: str
    namespace: str
    # The SPIFFE ID that its proxy would prove; empty: it has no proxy.
    identity: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Callee:
    # As shown: "default/reviews:80".
    name: str
    # "<namespace>/<service>"; empty: no service of the mesh.
    service: str
    port: int
    host: str


OUTSIDE = Caller("outside", "", "")


def caller(compiled: Compiled, source: str) -> Caller:
    """ "<namespace>/<workload or service or account>"; "" or "-": somebody without a proxy."""
    if source in ("", "-"):
        return OUTSIDE
    namespace, _, name = source.rpartition("/")
    namespace = namespace or "default"
    full = f"{namespace}/{name}"
    workload = compiled.world.workloads.get(full)
    if workload is not None:
        return Caller(full, namespace, workload.identity)
    service = _services(compiled).get(full)
    account = service.accounts[0] if service else name
    assert compiled.index is not None
    identity = identity_of(compiled.index, namespace, account)
    note = "" if service else f"nothing is registered as {full}: taken to be a proxy with that service account"
    return Caller(full, namespace, identity, note)


def callee(compiled: Compiled, to: str, namespace: str) -> Callee:
    """ "<namespace>/<service>[:port]", or a host name as clients use it. A short name is of the caller's namespace."""
    name, _, number = to.partition(":")
    if number and not number.isdigit():
        raise NotFound(f"{number!r} is not a port")
    services = _services(compiled)
    full = name if "/" in name else _by_host(compiled, name, namespace)
    service = services.get(full)
    if service is None:
        if "/" in name:
            raise NotFound(f"there is no Service {name}; {did_you_mean(name, services)}")
        return Callee(to, "", int(number or 80), name)
    port = int(number) if number else _usual_port(service)
    host = f"{service.name}.{service.namespace}.{_suffix(compiled)}" if "/" in name else name
    return Callee(f"{full}:{port}", full, port, host)


def _services(compiled: Compiled) -> dict[str, Service]:
    assert compiled.index is not None
    return compiled.index.services


def _suffix(compiled: Compiled) -> str:
    assert compiled.index is not None
    return compiled.index.mesh.suffixes[0]


def _by_host(compiled: Compiled, host: str, namespace: str) -> str:
    """ "reviews", "reviews.default", "reviews.default.mesh" to "default/reviews"."""
    assert compiled.index is not None
    name = host.lower().rstrip(".")
    for suffix in compiled.index.mesh.suffixes:
        name = name.removesuffix(f".{suffix}")
    service, dot, rest = name.partition(".")
    return f"{rest if dot else namespace or 'default'}/{service}"


def _usual_port(service: Service) -> int:
    """80 as in a URL without one, else the first."""
    return 80 if service.port(80) else service.spec.ports[0].port
