"""Who calls, and what is called: the two ends of a question, from the words that people use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weft.ask import core
from weft.compiler.connect import identity_of
from weft.compiler.index import Index
from weft.compiler.model import Compiled, Delivered
from weft.resources.problem import did_you_mean
from weft.resources.service import Service


class CannotAnswer(ValueError):
    """The question is none; the hint says what can be asked."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class NotFound(CannotAnswer):
    """There is nobody of that name; the hint says who there is."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint or "`weft get services` lists what can be called")


class NotARequest(CannotAnswer):
    """No proxy would pass this on: it is answered 400 before any table is asked."""


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
    # Why there is no frontend: "no-port", "unknown-destination"; empty with `service` empty: not ours at all.
    reason: str = ""


OUTSIDE = Caller("outside", "", "")


def caller(compiled: Compiled, source: str) -> Caller:
    """By "<namespace>/<workload or service or account>"; "" or "-" is somebody without a proxy."""
    if source in ("", "-"):
        return OUTSIDE
    namespace, _, name = source.rpartition("/")
    namespace = namespace or "default"
    full = f"{namespace}/{name}"
    workload = compiled.world.workloads.get(full)
    if workload is not None:
        return Caller(full, namespace, workload.identity)
    service = _index(compiled).services.get(full)
    account = service.accounts[0] if service else name
    note = "" if service else f"nothing is registered as {full}: taken to be a proxy with that service account"
    return Caller(full, namespace, identity_of(_index(compiled), namespace, account), note)


def callee(compiled: Compiled, to: str, namespace: str) -> Callee:
    """By "<namespace>/<service>[:port]", as on an address of its own, or by the host name that a client writes."""
    name, _, number = to.partition(":")
    if number and not number.isdigit():
        raise NotFound(f"{number!r} is not a port", f"write {name}:80")
    if "/" not in name:
        return _by_host(compiled, to, namespace or "default")
    services = _index(compiled).services
    service = services.get(name)
    if service is None:
        raise NotFound(f"there is no Service {name}", did_you_mean(name, services))
    port = int(number) if number else _usual_port(service)
    host = f"{service.name}.{service.namespace}.{_index(compiled).mesh.suffixes[0]}"
    return Callee(f"{name}:{port}", name, port, host, "" if service.port(port) else "no-port")


def _by_host(compiled: Compiled, authority: str, namespace: str) -> Callee:
    """Table `resolve`, asked with the frontends that a proxy of this namespace could hold under such a name."""
    host, _, number = authority.partition(":")
    held = [d.message for d in _candidates(compiled, host, namespace)]
    answer = core.resolve(held, tuple(_index(compiled).mesh.suffixes), authority)
    if answer in ("unknown", "no-port"):
        return Callee(authority, "", int(number or 80), host, "" if answer == "unknown" else answer)
    key = answer.removeprefix("ask ").partition("@")[0]
    service, _, port = key.rpartition(":")
    if compiled.find("Frontend", f"{key}@{namespace}") is None:
        return Callee(authority, "", int(port), host, "unknown-destination")
    return Callee(key, service, int(port), host)


def _candidates(compiled: Compiled, host: str, namespace: str) -> list[Delivered]:
    """A short name is of the caller's namespace."""
    wanted = host.lower().rstrip(".")
    service = wanted.partition(".")[0]
    names = [f"{namespace}/{service}"]
    if "." in wanted:
        names = [n for n, s in _index(compiled).services.items() if s.name == service]
    found = []
    for name in names:
        for port in _ports(compiled, name):
            delivered = compiled.find("Frontend", compiled.frontend_key_for(name, port, namespace))
            message: Any = delivered.message if delivered else None
            if delivered is not None and wanted in message.hosts:
                found.append(delivered)
    return found


def _ports(compiled: Compiled, name: str) -> list[int]:
    service = _index(compiled).services.get(name)
    return [p.port for p in service.spec.ports] if service else []


def _index(compiled: Compiled) -> Index:
    assert compiled.index is not None, "only a compiler's own result can be asked"
    return compiled.index


def _usual_port(service: Service) -> int:
    """80 as in a URL without one, else the first."""
    return 80 if service.port(80) else service.spec.ports[0].port
