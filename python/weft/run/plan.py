"""What `weft run` was asked for, and what the mesh says, to one spec."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from weft.client.errors import WeftError
from weft.run.loopback import Target
from weft.run.spec import Command, ControllerPlace, Health, Restart, Spec

if TYPE_CHECKING:
    from weft.client.types import Service
    from weft.identity.tokens import JoinToken
    from weft.mesh import Mesh

# Each is a listener and a subscription of the proxy. Who calls more, names them with --call, or calls by Host.
MAX_UNASKED_CALLS = 64


class Unplannable(WeftError):
    """What was asked for does not fit what is there."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of `weft run`, checked for form only."""

    command: tuple[str, ...]
    name: str
    namespace: str = "default"
    # "<namespace>/<service>"; empty: a pure client.
    service: str = ""
    # (service port, app port or 0)
    ports: tuple[tuple[int, int], ...] = ()
    version: str = ""
    # ("<namespace>/<service>", port or 0); empty: all services of the namespace.
    calls: tuple[tuple[str, int], ...] = ()
    account: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    bind: str = "127.0.0.1"
    health_path: str | None = None
    restart: Restart = "never"


def local(wish: Wish, mesh: Mesh) -> tuple[Spec, ControllerPlace]:
    """On the controller's machine: it knows the ports, and its unix socket is the proof of identity."""
    place = mesh.health().unix_socket
    if not place or not Path(place).exists():
        raise Unplannable(
            f"the controller at {mesh.address} runs on another machine",
            "make a token there with `weft token create`, and give it with --token",
        )
    services = {service.name: service for service in mesh.services()}
    return _spec(wish, _ports(wish, services), _targets(wish, services)), ControllerPlace(f"unix:{place}")


def joining(wish: Wish, token_file: Path) -> tuple[Spec, ControllerPlace]:
    """With a token, which says where the controller is; ports must be given, there is nobody to ask yet."""
    from weft.identity.errors import IdentityError
    from weft.identity.tokens import JoinToken

    try:
        token = JoinToken.decode(token_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unplannable(f"{token_file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except IdentityError as error:
        raise Unplannable(f"{token_file}: {error}", getattr(error, "hint", None)) from error
    _refuse_others(wish, token)
    if wish.service and not wish.ports:
        raise Unplannable("--port is missing", f"say which ports {wish.service} has, such as --port 80")
    if any(port == 0 for _, port in wish.calls):
        raise Unplannable("--call needs ports with a token", "write --call reviews:80")
    calls = tuple(Target(service, port) for service, port in wish.calls)
    place = ControllerPlace(token.controller, token.root, str(token_file.absolute()))
    # Who serves nothing would be called like its workload, for which no token was made.
    return _spec(replace(wish, account=token.account), dict(wish.ports), calls), place


def _refuse_others(wish: Wish, token: JoinToken) -> None:
    """A token is for one identity; the controller would refuse the join, and that is late."""
    for what, given, bound, hint in (
        ("namespace", wish.namespace, token.namespace, f"--namespace {token.namespace}"),
        ("service account", wish.account, token.account, "leave --service-account out, or make another token"),
        ("service", wish.service, token.service, f"weft token create {wish.service}"),
    ):
        if given and bound and given != bound:
            raise Unplannable(f"the token is for {what} {bound}, not {given}", hint)


def dns_label(text: str) -> str:
    """`text` as a name that may stand in a SPIFFE ID and a host name."""
    label = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:63].strip("-")
    return label or "workload"


def _spec(wish: Wish, ports: Mapping[int, int], calls: tuple[Target, ...]) -> Spec:
    return Spec(
        name=wish.name,
        namespace=wish.namespace,
        service=wish.service,
        version=wish.version,
        account=wish.account,
        labels=wish.labels,
        zone=wish.zone,
        ports=ports,
        calls=calls,
        bind=wish.bind,
        command=Command(wish.command, restart=wish.restart),
        health=Health(http_path=wish.health_path) if wish.health_path else None,
    )


def _ports(wish: Wish, services: Mapping[str, Service]) -> dict[int, int]:
    if not wish.service:
        if wish.ports:
            raise Unplannable("--port needs --service", "a port is one of the service that it serves")
        return {}
    declared = [port.port for port in _declared(wish.service, services).ports]
    if unknown := [port for port, _ in wish.ports if port not in declared]:
        has = ", ".join(map(str, declared))
        raise Unplannable(f"{wish.service} has no port {unknown[0]}", f"it has {has}")
    return dict(wish.ports) or dict.fromkeys(declared, 0)


def _declared(name: str, services: Mapping[str, Service]) -> Service:
    found = services.get(name)
    if found is None or not found.declared:
        known = ", ".join(sorted(s.name for s in services.values() if s.declared)[:10])
        hint = f"there are {known}" if known else "apply a Service first: `weft apply -f FILE`"
        raise Unplannable(f"there is no service {name}", hint)
    return found


def _targets(wish: Wish, services: Mapping[str, Service]) -> tuple[Target, ...]:
    if wish.calls:
        return tuple(target for name, port in wish.calls for target in _named(name, port, services))
    own = [s for s in services.values() if s.declared and s.namespace == wish.namespace and s.name != wish.service]
    return tuple(_all_ports(sorted(own, key=lambda s: s.name)))[:MAX_UNASKED_CALLS]


def _named(name: str, port: int, services: Mapping[str, Service]) -> Sequence[Target]:
    found = _all_ports([_declared(name, services)])
    if port and Target(name, port) not in found:
        raise Unplannable(f"{name} has no port {port}", f"it has {', '.join(str(t.port) for t in found)}")
    return [Target(name, port)] if port else found


def _all_ports(services: Sequence[Service]) -> list[Target]:
    return [Target(service.name, port.port) for service in services for port in service.ports]
