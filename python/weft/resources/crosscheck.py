"""What is wrong between the services of a weft.yaml, each of which is right by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.resources.gather import Gathered
from weft.resources.problem import Problem, did_you_mean
from weft.resources.weftfile import FileService
from weft.resources.workloads import names


def cross_check(gathered: Gathered) -> Iterator[Problem]:
    yield from _unknown_callees(gathered)
    yield from _same_names(gathered)
    yield from _edge_of_another_name(gathered)
    yield from _same_locals(gathered)
    yield from _unknown_dependencies(gathered)
    yield from _far_dependencies(gathered)
    yield from _circles(gathered)


def _unknown_callees(gathered: Gathered) -> Iterator[Problem]:
    """A name without namespace means a service of this file; one with a namespace may live elsewhere."""
    services = gathered.written.services
    for name, service in services.items():
        for place, callee in enumerate(service.calls):
            target = services.get(callee)
            where = gathered.at(("services", name, "calls", place))
            if "/" not in callee and target is None:
                hint = did_you_mean(callee, services)
                yield Problem.at(where, f"there is no service {callee!r} here", hint=hint)
            elif target is not None and not target.all_ports:
                yield Problem.at(where, f"{callee} has no port to call", hint=f"give services.{callee} a port")


def _same_names(gathered: Gathered) -> Iterator[Problem]:
    """Version v1 of "a" and the service "a-v1" both have a process a-v1-0."""
    first: dict[str, str] = {}
    for name in gathered.written.services:
        taken = (process for process in names(gathered.written, name) if first.setdefault(process, name) != name)
        if process := next(taken, None):
            where = gathered.at_key(("services", name))
            what = f"its process {process} is called like one of {first[process]}"
            yield Problem.at(where, what, hint=f"rename {name}, or that version")


def _edge_of_another_name(gathered: Gathered) -> Iterator[Problem]:
    """A service of that name would have its identity, and what is allowed to one would be allowed to the other."""
    edge = gathered.written.edge
    for part in gathered.parts:
        if "edge" in part.written.model_fields_set and edge in gathered.written.services:
            yield Problem.at(part.at("edge"), f"edge: {edge} is the name of a service", hint="rename one of the two")


def _same_locals(gathered: Gathered) -> Iterator[Problem]:
    """All of them are ports of 127.0.0.1 of a machine."""
    first: dict[tuple[str, int], str] = {}
    for name, service in gathered.written.services.items():
        wanted = [("listen", machine, service.listen) for machine in _machines(service) if service.listen]
        for use, machine, port in [*wanted, *(("publish", "", entry.local) for entry in service.publish)]:
            if (machine, port) in first:
                where = gathered.at(("services", name, use))
                what = f"services.{name}.{use}: {port} is taken by {first[machine, port]}"
                yield Problem.at(where, what, hint="give each a local port of its own")
            first.setdefault((machine, port), f"services.{name}.{use}")


def _unknown_dependencies(gathered: Gathered) -> Iterator[Problem]:
    services = gathered.written.services
    for name, service in services.items():
        for needed in service.depends_on:
            where = gathered.at_key(("services", name, "depends_on", needed))
            if needed not in services:
                hint = did_you_mean(needed, services)
                yield Problem.at(where, f"there is no service {needed!r} to depend on here", hint=hint)
            elif services[needed].elsewhere:
                hint = f"remove {needed} from depends_on; its health is seen by whom it calls"
                yield Problem.at(where, f"weft does not run {needed}, so that nothing can wait for it", hint=hint)


def _far_dependencies(gathered: Gathered) -> Iterator[Problem]:
    """Each machine starts by itself, and none waits for another: it may come tomorrow."""
    services = gathered.written.services
    for name, service in services.items():
        for needed in service.depends_on:
            if needed in services and len(_machines(services[needed]) | _machines(service)) > 1:
                where = gathered.at_key(("services", name, "depends_on", needed))
                what = f"{needed} runs on another machine than {name}, and is not waited for"
                yield Problem.at(where, what, hint=f"remove it; calls: [{needed}] needs no order")


def _machines(service: FileService) -> set[str]:
    return {service.place(version) for version in service.versions or [""]}


def _circles(gathered: Gathered) -> Iterator[Problem]:
    """Each once, at its first service in the file."""
    services = gathered.written.services
    done: set[str] = set()
    for name in services:
        if name in done:
            continue
        circle = _circle(name, services, done)
        if circle:
            first = min(circle, key=list(services).index)
            turn = circle.index(first)
            way = [*circle[turn:], *circle[:turn], first]
            where = gathered.at_key(("services", first, "depends_on"))
            what = f"services.{first}.depends_on is circular: {' → '.join(way)}"
            yield Problem.at(where, what, "nobody could start", "remove one of these; calls needs no order")


def _circle(start: str, services: Mapping[str, FileService], done: set[str]) -> list[str]:
    """A circle on the way from `start`. Without recursion: a chain may be as long as the file."""
    path = [start]
    left = [iter(services[start].depends_on)]
    while path:
        step = next(left[-1], None)
        if step is None:
            done.add(path.pop())
            left.pop()
        elif step in path:
            done.update(path)
            return path[path.index(step) :]
        elif step in services and step not in done:
            path.append(step)
            left.append(iter(services[step].depends_on))
    return []
