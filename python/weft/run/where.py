"""Which part of a weft.yaml this machine has: the controller and all that is for no machine, or what another one's
token says. Decided by options, file and what was kept, in this order; nothing is started here."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from weft.resources.machine import controller_address
from weft.resources.problem import did_you_mean
from weft.run.controller import Failed
from weft.run.fromfile import LOOPBACK
from weft.run.member import Member, kept_token, machine_token
from weft.run.reach import is_here, is_loopback, seen_from, split

if TYPE_CHECKING:
    from weft.identity.machines import MachineToken
    from weft.resources import Expanded


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say; "" is nothing."""

    join: str = ""
    listen: str = ""
    bind: str = ""
    # URL of a controller of this machine.
    controller: str = ""
    grpc_address: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    # Where other proxies reach the workloads.
    bind: str = LOOPBACK
    # Of a controller of its own.
    grpc_address: str = "127.0.0.1:15010"
    member: Member | None = None
    # Other machines know its controller by its key, and its workloads by theirs: they are the same at the next start.
    lasting: bool = False


def where(asked: Asked, expanded: Expanded, root: Path) -> Where:
    """`root`: where a machine that has joined keeps its state. Raises `Failed`."""
    _check_bind(asked.bind)
    if asked.join:
        return _member(machine_token(asked.join), asked, expanded, root)
    if asked.controller:
        return Where(asked.bind or LOOPBACK)
    if asked.listen or asked.grpc_address:
        return _first(_listened(asked.listen) if asked.listen else asked.grpc_address, asked)
    if (token := kept_token(root)) is not None:
        return _member(token, asked, expanded, root)
    if not expanded.controller:
        return Where(asked.bind or LOOPBACK, lasting=bool(expanded.machines))
    if not is_here(split(expanded.controller)[0]):
        what = f"the controller is on another machine, {expanded.controller}, and this one has not joined"
        raise Failed(what, "there: `weft token machine NAME`; here what it prints: `weft up --join …`")
    return _first(expanded.controller, asked)


def warnings(found: Where, expanded: Expanded) -> list[str]:
    """What is allowed, and perhaps not meant."""
    said = []
    if found.member is None and expanded.machines and is_loopback(found.bind):
        names = " and ".join(expanded.machines)
        said.append(f"machine {names} cannot reach {found.bind}: name the address of this one, `controller: 192.0.2.1`")
    strict = any(r.KIND == "Mesh" and r.spec.mtls and r.spec.mtls.mode == "strict" for r in expanded.resources)
    if not is_loopback(found.bind) and not strict:
        said.append(f"who reaches {found.bind} may call in the clear, without an identity, unless `mtls: strict`")
    return said


def _first(address: str, asked: Asked) -> Where:
    """The machine of the controller: its workloads are reached where that is, unless it is everywhere."""
    host, _ = split(address)
    try:
        everywhere = ip_address(host).is_unspecified
    except ValueError:
        everywhere = True
    return Where(asked.bind or (LOOPBACK if everywhere else host), address, lasting=everywhere or not is_loopback(host))


def _member(token: MachineToken, asked: Asked, expanded: Expanded, root: Path) -> Where:
    there = split(token.controller)[0]
    if asked.bind and is_loopback(asked.bind) and not is_loopback(there):
        what = f"other machines cannot reach --bind {asked.bind}"
        raise Failed(what, f"leave it out: {seen_from(token.controller)} is how the controller sees this machine")
    if token.machine not in expanded.machines:
        near = did_you_mean(token.machine, expanded.machines)
        hint = near or f"is it the weft.yaml of the mesh at {there}? `machine: {token.machine}` of a service says so"
        raise Failed(f"nothing in this file runs on machine {token.machine}", hint)
    return Where(asked.bind or seen_from(token.controller), member=Member(token, root))


def _listened(text: str) -> str:
    try:
        return controller_address(text)
    except ValueError as error:
        raise Failed(f"--listen: {error}", "such as --listen 192.0.2.1") from error


def _check_bind(text: str) -> None:
    try:
        if text:
            ip_address(text)
    except ValueError:
        raise Failed(f"--bind {text!r} is not an IP address", "such as --bind 192.0.2.7") from None
