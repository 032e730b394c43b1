"""Services of a Compose file in the words of a weft.yaml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from weft.init.compose_health import health
from weft.init.compose_ports import MAX_PORT, Port
from weft.init.compose_read import Reader, Service
from weft.init.draft import Entry
from weft.init.images import KNOWN, short
from weft.init.references import Callee, addressed, ports_mentioned, variable, with_port
from weft.init.source import reads_port
from weft.resources.weftfile import MAX_REPLICAS
from weft.run.plan import dns_label

# Where people reach an app that has taken the port itself: 3000 becomes 13000.
BESIDE = 10_000
# Linux, net.ipv4.ip_unprivileged_port_start; in containers it is 0.
UNPRIVILEGED = 1024


def entries(services: Sequence[Service], reader: Reader) -> list[Entry]:
    return list(_Writer(services, reader).entries())


class _Writer:
    def __init__(self, services: Sequence[Service], reader: Reader) -> None:
        self._reader = reader
        self._labels = _labels(services)
        self._all = [service for service in services if self._wanted(service)]
        self._here = {service.name: service for service in self._all if service.command or not service.runs}
        self._callees: dict[str, Callee] = {}
        # Local ports that have a use already, and those of them at which an app listens itself.
        self._taken = {port.local for service in self._all for port in service.ports if port.local}
        self._listens: set[int] = set()
        for service in self._here.values():
            service.ports = self._ports(service)
            names = (service.name, *service.aliases)
            self._callees[service.name] = Callee(self._labels[service.name], names, [p.target for p in service.ports])

    def entries(self) -> Iterator[Entry]:
        made = {service.name: self._entry(Entry(self._labels[service.name]), service) for service in self._all}
        yield from made.values()
        called = {name for entry in made.values() for name in entry.fields.get("calls", ())}
        for service in self._all:
            if not service.runs and self._labels[service.name] not in called and len(made) > 1:
                why = "nobody is seen to call it: not by depends_on, and in no environment"
                self._reader.listed(service, (), why, f"calls: [{self._labels[service.name]}] for whoever does")

    def _entry(self, entry: Entry, service: Service) -> Entry:
        if not service.runs:
            return self._elsewhere(entry, service)
        if service.command:
            return self._process(entry, service)
        self._reader.listed(service, (), "nothing says how it runs", "write its run: into the weft.yaml")
        entry.comments = [f"{entry.name}: write how it runs: {entry.name}: {{run: …, port: …}}"]
        return entry

    def _wanted(self, service: Service) -> bool:
        if service.profiles:
            why = "it is started only where somebody asks for it, so it is left out"
            self._reader.listed(service, ("profiles",), why)
        return not service.profiles

    # -------------------------------------------------------------------------------------------- somebody else's image

    def _elsewhere(self, entry: Entry, service: Service) -> Entry:
        ports = service.ports
        start = f"docker compose up -d {service.name}"
        entry.comments = [f"{service.image or entry.name}: weft does not run it; somebody else has to: {start}"]
        if not ports:
            entry.comments += ["Its port is not known: write port: and endpoints: [{address: 127.0.0.1}]"]
            self._reader.listed(service, (), "no port is known of it", "write port: and endpoints: into the weft.yaml")
            return entry
        moved = ports[0].local if ports[0].local not in (None, ports[0].target) else None
        if moved and len(ports) > 1:
            self._reader.listed(service, ("ports",), f"only {ports[0].target} is written: its others need services")
            ports = ports[:1]
        if not any(port.published for port in ports):
            port = ports[0].target
            entry.comments += [f'Compose publishes it nowhere: give it ports: ["{port}:{port}"] there.']
            self._reader.listed(service, (), "is published nowhere, so that this machine does not reach it")
        entry.fields = _port_fields(ports)
        if short(service.image) in KNOWN:
            entry.fields["protocol"] = "TCP"
        endpoint: dict[str, Any] = {"address": ports[0].host or "127.0.0.1"}
        if moved:
            endpoint["port"] = ports[0].published
        entry.fields["endpoints"] = [endpoint]
        return entry

    # -------------------------------------------------------------------------------------------------------- processes

    def _process(self, entry: Entry, service: Service) -> Entry:
        assert service.command
        targets = [port.target for port in service.ports]
        others = [callee for name, callee in self._callees.items() if name != service.name and callee.ports]
        calls: set[str] = set()
        command = _each(service.command, lambda word: addressed(word, others, calls))
        command = _each(command, lambda word: _outside(word, service.inside))
        command = with_port(command, targets) if targets else command
        env = {name: addressed(value, others, calls, name) for name, value in service.env.items()}
        # weft sets it.
        given = env.pop("PORT", None) if targets else None
        told = given is not None or "$(PORT)" in str(command)
        for name, value in env.items():
            if value in map(str, targets) and "PORT" in name.upper():
                env[name], told = variable(int(value), targets), True
        entry.fields["run" if isinstance(command, str) else "command"] = command
        entry.fields |= _port_fields(service.ports)
        self._where(entry, service, told or reads_port(service.folder))
        entry.fields |= {"env": env} if env else {}
        entry.fields |= {"directory": service.directory} if service.directory else {}
        self._health(entry, service, targets)
        self._order(entry, service, calls)
        return entry

    def _where(self, entry: Entry, service: Service, told: bool) -> None:
        """Where people reach it, and where it listens: an app that is not told that takes the port itself."""
        copies = min(max(service.replicas, 0), MAX_REPLICAS)
        published: list[tuple[str | int | None, Port]] = [(p.published, p) for p in service.ports if p.published]
        if service.ports and not told:
            port = service.ports[0].target
            name = f"{service.name} does not read PORT, as far as can be seen"
            if len(service.ports) > 1 or copies > 1 or port in self._listens | self._others(service):
                why = "which it has to: it is one of several, or has several ports" if copies > 1 else "which it has to"
                self._reader.listed(service, ("ports",), f"{name}, {why}", "let it listen at $PORT of 127.0.0.1")
                entry.comments.append(f"{name}, {why}: each process has a port of its own.")
            else:
                self._listens.add(port)
                if port < UNPRIVILEGED:
                    why = f"it listens at {port}, which only root may"
                    self._reader.listed(service, ("ports",), why, "let it read PORT")
                entry.fields["listen"] = port
                published = [(self._beside(entry, port, p.published), p) for _, p in published]
        if published:
            first = service.ports[0].target
            locals_ = [at if p.target == first else {"local": at, "port": p.target} for at, p in published]
            entry.fields["publish"] = locals_[0] if len(locals_) == 1 else locals_
        if copies != 1:
            entry.fields["replicas"] = copies

    def _others(self, service: Service) -> set[int]:
        """Local ports at which others are reached."""
        return {port.local for other in self._all if other is not service for port in other.ports if port.local}

    def _beside(self, entry: Entry, port: int, published: str | int | None) -> str | int | None:
        """The app itself stands where people came in: the way through the mesh is another."""
        if published != port:
            return published
        free = (p for p in (port + BESIDE, *range(BESIDE, MAX_PORT)) if p <= MAX_PORT and p not in self._taken)
        other: int = next(free)
        self._taken.add(other)
        entry.comments.append(f"It listens at {port} itself; the way through the mesh is http://127.0.0.1:{other}.")
        return other

    def _health(self, entry: Entry, service: Service, targets: Sequence[int]) -> None:
        def say(field: str, why: str) -> None:
            self._reader.listed(service, ("healthcheck", field), why)

        found = health(service.check, targets, say)
        if found:
            entry.fields["health"] = found

    def _order(self, entry: Entry, service: Service, calls: set[str]) -> None:
        """Whom it depends on it calls as well, for all that a Compose file says."""
        needs: dict[str, Any] = {}
        for name, condition in service.needs.items():
            needed = self._here.get(name)
            if needed is None:
                self._reader.listed(service, ("depends_on",), f"{name} is left out")
            elif not needed.runs:
                self._reader.listed(service, ("depends_on",), f"weft does not run {name}, so that nothing waits for it")
            else:
                started = condition == "service_started"
                needs[self._labels[name]] = {"condition": "service_started" if started else "service_healthy"}
            if name in self._callees and self._callees[name].ports:
                calls.add(self._labels[name])
        entry.fields |= {"depends_on": needs} if needs else {}
        entry.fields |= {"calls": sorted(calls)} if calls else {}

    def _ports(self, service: Service) -> list[Port]:
        """Its own, else those that others ask it at, else what its image is known for."""
        ports = list({port.target: port for port in reversed(service.ports)}.values())[::-1]
        if ports:
            return ports
        others = [text for other in self._all if other is not service for text in _texts(other)]
        mentioned = ports_mentioned(others, (service.name, *service.aliases))
        known = KNOWN.get(short(service.image)) if not service.runs else None
        return [Port(port) for port in mentioned or ([known] if known else [])]


def _labels(services: Sequence[Service]) -> dict[str, str]:
    """What each may be called here: db_1 is db-1."""
    found: dict[str, str] = {}
    for service in services:
        label = dns_label(service.name)
        while label in found.values():
            label = f"{label[:60]}-2"
        found[service.name] = label
    return found


def _port_fields(ports: Sequence[Port]) -> dict[str, Any]:
    targets = [port.target for port in ports]
    return {"port": targets[0]} if len(targets) == 1 else ({"ports": targets} if targets else {})


def _texts(service: Service) -> Iterator[str]:
    yield from service.env.values()
    yield from [service.command] if isinstance(service.command, str) else service.command or []


def _each(command: str | list[str], change: Callable[[str], str]) -> str | list[str]:
    return change(command) if isinstance(command, str) else [change(word) for word in command]


def _outside(word: str, inside: str) -> str:
    """A path of the container, where it is here: relative to the folder in which it runs."""
    return re.sub(rf"(^|\s){re.escape(inside.rstrip('/'))}/(?=[^\s])", r"\1", word) if inside.strip("/") else word
