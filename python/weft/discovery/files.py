"""Endpoints from a file: a list as in a Service's `endpoints`, or as Prometheus' file_sd has it. YAML or JSON.

    - {address: 192.0.2.7, port: 5432, weight: 2, zone: b, labels: {version: v2}, identity: spiffe://…}
    - {targets: ["192.0.2.8:5432", "[2001:db8::8]:5432"], labels: {version: v1}}

Looked at twice a second. A change is taken once two looks in a row see the same: who writes in place and slowly has
written it all by then. (Renaming a complete file into its place is still the better way.)
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from pydantic import Field, ValidationError

from weft.compiler.model import Discovered
from weft.discovery.source import Answer, Failed
from weft.discovery.threads import in_thread
from weft.resources.base import Model
from weft.resources.parse import problems_of
from weft.resources.problem import Problem
from weft.resources.reader import Node, read
from weft.resources.ref import Origin
from weft.resources.service import StaticEndpoint
from weft.resources.source import FileSource

EVERY_S: Final = 0.5
# 10,000 endpoints with labels take about one.
MAX_BYTES: Final = 4 << 20

# Device, inode, size, time of change: another one is another content.
Look: TypeAlias = tuple[int, int, int, int]


class Targets(Model):
    """An entry of Prometheus' file_sd."""

    targets: tuple[str, ...]
    labels: dict[str, str] = Field(default_factory=dict)


class File:
    """`several`: the service has several ports, so that an endpoint cannot have one of its own."""

    def __init__(self, spec: FileSource, several: bool = False) -> None:
        self._path, self._name, self._several = spec.path, str(spec), several
        # As it was when it was last read, and at the last look.
        self._read: Look | None = None
        self._seen: Look | None = None
        self._last: Answer | Failed = Failed(f"{spec.path}: it is being written")
        self._asking: asyncio.Future[Answer | Failed] | None = None

    async def ask(self) -> Answer:
        # One thread at a time, also when nobody waited for the last one to its end.
        if self._asking is None or self._asking.done():
            self._asking = in_thread(self._ask)
        self._last = await asyncio.shield(self._asking)
        if isinstance(self._last, Failed):
            raise Failed(str(self._last), EVERY_S)
        return self._last

    def _ask(self) -> Answer | Failed:
        try:
            look = self._look()
            settled = look == self._seen or self._read is None
            self._seen = look
            if look == self._read or not settled:
                return self._last
            text = self._text()
            if self._look() != look:
                return self._last
        except OSError as error:
            self._read = self._seen = None
            return Failed(f"{self._path}: {(error.strerror or str(error)).lower()}")
        except Failed as error:
            self._read = self._seen = None
            return error
        self._read = look
        return self._parsed(text)

    def _look(self) -> Look:
        found = os.stat(self._path)
        if not stat.S_ISREG(found.st_mode):
            raise Failed(f"{self._path}: is not a file")
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _text(self) -> bytes:
        # Not blocked by a pipe that has come into its place.
        with open(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise Failed(f"{self._path}: more than {MAX_BYTES >> 20} MiB")
        return text

    def _parsed(self, text: bytes) -> Answer | Failed:
        try:
            endpoints = tuple(parse(text.decode(), self._path, self._name, self._several))
        except UnicodeDecodeError as error:
            return Failed(f"{self._path}: not UTF-8, at byte {error.start}")
        except Failed as error:
            return error
        if not endpoints:
            return Failed(f"{self._path}: it lists no endpoint")
        return Answer({"": endpoints}, None, EVERY_S)


def parse(text: str, file: str, source: str, several: bool = False) -> Iterator[Discovered]:
    """All endpoints of a text. Raises `Failed` with file, line, column and hint of the first thing that is wrong."""
    nodes, problems = read(text, file)
    if problems:
        raise _failed(problems[0])
    if len(nodes) > 1:
        raise _failed(Problem(file, nodes[1].line, 1, "a second document", hint="one list, without ---"))
    if nodes and not isinstance(nodes[0].value, list):
        hint = "begin each endpoint with '- address: '"
        raise _failed(Problem(file, nodes[0].line, nodes[0].column, "this is not a list of endpoints", hint=hint))
    for node in nodes[0].items if nodes else ():
        origin = Origin(file, node.line, node.column)
        for given in _entry(node, origin):
            if several and given.port:
                what = "an endpoint's port is ambiguous where the service has several"
                raise _failed(Problem.at(origin, what, hint="leave it out"))
            address, port = given.address, given.port or 0
            labels, weight, identity = dict(given.labels), given.weight, given.identity or ""
            yield Discovered(source, address, port, labels, weight, identity, given.zone)


def _entry(node: Node, origin: Origin) -> Iterator[StaticEndpoint]:
    model: type[Targets] | type[StaticEndpoint] = StaticEndpoint
    if isinstance(node.value, Mapping) and "targets" in node.value:
        model = Targets
    try:
        given = model.model_validate(node.value)
    except ValidationError as error:
        raise _failed(problems_of(error, model, origin, node)[0]) from None
    if isinstance(given, StaticEndpoint):
        yield given
        return
    for number, target in enumerate(given.targets):
        place = Origin(origin.file, *node.at(("targets", number)))
        address, port = _target(target, place)
        yield StaticEndpoint(address=address, port=port, labels=given.labels)


def _target(text: str, origin: Origin) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        address = str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
        if not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError
    except ValueError:
        hint = 'such as "192.0.2.7:5432" or "[2001:db8::7]:5432"; for a name: dns: db.example.com in the service'
        raise _failed(Problem.at(origin, f"{text!r} is not an address with a port", hint=hint)) from None
    return address, int(port)


def _failed(problem: Problem) -> Failed:
    why = f": {problem.why}" if problem.why else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return Failed(f"{problem.place}: {problem.what}{why}{hint}")
