"""Where people reach a service: `publish` of a service of the file, and of the file for those in its `resources`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from weft.resources.base import Resource
from weft.resources.gather import Gathered
from weft.resources.problem import Problem, did_you_mean
from weft.resources.ref import Origin
from weft.resources.weftfile import PublishedService


@dataclass(frozen=True, slots=True)
class Publication:
    """A port of this machine at which people reach a service."""

    local: int
    # "<namespace>/<service>"
    service: str
    port: int


def publications(gathered: Gathered, resources: Iterable[Resource]) -> tuple[list[Publication], list[Problem]]:
    """`resources`: all that the file stands for, those of its `resources` among them."""
    found = [*_of_services(gathered)]
    problems: list[Problem] = []
    namespace = gathered.written.namespace
    ports = {
        resource.name: [port.port for port in resource.spec.ports]
        for resource in resources
        if resource.KIND == "Service" and resource.namespace == namespace
    }
    taken = dict(_taken(gathered))
    for entry, where in _at_the_top(gathered):
        wrong = _wrong(entry, ports.get(entry.service), sorted(ports), where)
        if wrong is None and entry.local in taken:
            what = f"publish: {entry.local} is taken by {taken[entry.local]}"
            wrong = Problem.at(where, what, hint="give each a local port of its own")
        if wrong is not None:
            problems.append(wrong)
            continue
        taken[entry.local] = f"publish of {entry.service}"
        found.append(Publication(entry.local, f"{namespace}/{entry.service}", entry.port or ports[entry.service][0]))
    return found, problems


def _of_services(gathered: Gathered) -> Iterator[Publication]:
    for name, service in gathered.written.services.items():
        for entry in service.publish:
            port = entry.port or service.all_ports[0].port
            yield Publication(entry.local, f"{gathered.written.namespace}/{name}", port)


def _taken(gathered: Gathered) -> Iterator[tuple[int, str]]:
    """Local ports of the services of the file, and by what."""
    for name, service in gathered.written.services.items():
        yield from ((entry.local, f"services.{name}.publish") for entry in service.publish)
        if service.listen:
            yield service.listen, f"services.{name}.listen"


def _at_the_top(gathered: Gathered) -> Iterator[tuple[PublishedService, Origin]]:
    for part in gathered.parts:
        for place, entry in enumerate(part.written.publish):
            yield entry, part.at("publish", place)


def _wrong(entry: PublishedService, ports: Sequence[int] | None, known: Sequence[str], where: Origin) -> Problem | None:
    if ports is None:
        hint = did_you_mean(entry.service, known)
        return Problem.at(where, f"there is no service {entry.service!r} here to publish", hint=hint)
    if entry.port is not None and entry.port not in ports:
        has = f"it has {', '.join(map(str, ports))}"
        return Problem.at(where, f"{entry.service} has no port {entry.port} to publish", hint=has)
    return None
