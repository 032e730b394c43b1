"""One service of a Compose file: what it runs, where, and what it is called by."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.init import compose_unused as unused
from weft.init import dockerfile
from weft.init.compose_ports import Port, Unclear, ports_of
from weft.init.compose_shapes import misshapen
from weft.init.compose_variables import ours, resolved
from weft.init.draft import relative
from weft.init.images import RUNTIMES, short
from weft.resources.dotenv import parse_env
from weft.resources.gather import text_of
from weft.resources.problem import Problem, did_you_mean
from weft.resources.reader import Loc, Node


@dataclass(slots=True)
class Service:
    name: str
    node: Node
    # Of its name: line and column.
    place: tuple[int, int]
    # Its fields, without those that are of another shape than Compose takes.
    value: dict[str, Any] = field(default_factory=dict)
    image: str = ""
    # A string, to be split as a shell would, or words. None: nothing is known of it.
    command: str | list[str] | None = None
    # Whether weft runs it; else it is somebody's image.
    runs: bool = False
    # Relative to the weft.yaml; and on this machine.
    directory: str = ""
    folder: Path = Path()
    # Where that is in the container.
    inside: str = ""
    env: dict[str, str] = field(default_factory=dict)
    ports: list[Port] = field(default_factory=list)
    # Service to condition.
    needs: dict[str, str] = field(default_factory=dict)
    needs_at: dict[str, tuple[int, int]] = field(default_factory=dict)
    replicas: int = 1
    profiles: bool = False
    # Other names that others know it by.
    aliases: list[str] = field(default_factory=list)
    check: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Reader:
    """Of one file. `problems` grows."""

    file: str
    folder: Path
    out: Path
    variables: Mapping[str, str]
    problems: list[Problem]

    def service(self, name: str, node: Node, place: tuple[int, int]) -> Service:
        made = Service(name, node, place, folder=self.folder)
        made.value = {key: value for key, value in node.value.items() if self._shaped(made, key, value)}
        made.image = self._text(made, "image")
        made.env = dict(self._environment(made))
        made.ports = list(self._ports(made))
        made.profiles = bool(made.value.get("profiles"))
        made.replicas = self._replicas(made)
        made.check = _mapping(made.value.get("healthcheck"))
        made.aliases = [made.value[key] for key in ("container_name", "hostname") if made.value.get(key)]
        self._needs(made)
        self._program(made)
        self._unused(made)
        return made

    def listed(self, service: Service, loc: Loc, why: str, hint: str = "") -> None:
        """Something of it that has no place."""
        place = service.node.at_key(loc) if loc else service.place
        path = ".".join(map(str, (service.name, *loc)))
        self.problems.append(Problem(self.file, *place, path, why, hint, severity="warning"))

    def wrong(self, service: Service, loc: Loc, why: str, hint: str) -> None:
        path = ".".join(map(str, (service.name, *loc)))
        self.problems.append(Problem(self.file, *service.node.at(loc), path, why, hint))

    def _shaped(self, made: Service, key: str, value: Any) -> bool:
        if odd := misshapen(key, value):
            self.wrong(made, (key,), *odd)
        return not odd

    # -------------------------------------------------------------------------------------------------- what it runs

    def _program(self, made: Service) -> None:
        value = made.value
        image = self._built(made)
        binds = list(self._binds(made))
        own = "build" in value or (short(made.image) in RUNTIMES and ("command" in value or "entrypoint" in value))
        made.command = self._command(made, image) if own else None
        made.runs = own
        given = self._text(made, "working_dir")
        if "build" not in value and own and binds:
            made.inside, made.directory = binds[0]
        made.inside = given or made.inside or image.directory
        for target, source in binds:
            if given == target or given.startswith(f"{target}/"):
                made.directory = posixpath.normpath(posixpath.join(source, given[len(target) + 1 :]))
        made.folder = self.folder / made.directory
        made.directory = relative(made.folder, self.out)
        made.env = {**{name: value for name, value in image.env.items() if own}, **made.env}
        if not made.ports:
            made.ports = [Port(port) for port in image.ports]

    def _built(self, made: Service) -> dockerfile.Image:
        build = made.value.get("build")
        if build is None:
            return dockerfile.Image()
        parts = build if isinstance(build, Mapping) else {"context": build}
        context = resolved(str(parts.get("context", ".")), self.variables)
        if "://" in context or context.startswith("git@"):
            self.listed(made, ("build",), "its code is elsewhere: fetch it, and write directory: and run:")
            return dockerfile.Image()
        made.directory = context
        path = self.folder / context / str(parts.get("dockerfile", "Dockerfile"))
        image = dockerfile.read(path, str(parts.get("target", "")))
        took = f"what it runs was read from {path.name}" if image.words or image.env else "directory: is its folder"
        self.listed(made, ("build",), f"weft builds no images; {took}")
        return image

    def _command(self, made: Service, image: dockerfile.Image) -> str | list[str] | None:
        value = made.value
        entry, command = self._words(made, "entrypoint"), self._words(made, "command")
        if entry is None and command is not None and not image.entrypoint:
            return command
        if entry is not None and command is None:
            return entry
        first = _split(entry) if entry is not None else list(image.entrypoint)
        last = _split(command) if command is not None else ([] if "entrypoint" in value else list(image.command))
        return [*first, *last] or None

    def _words(self, made: Service, key: str) -> str | list[str] | None:
        value = made.value.get(key)
        if value is None or value == "" or value == []:
            return None
        if isinstance(value, list):
            return [self._ours(made, (key,), str(word)) for word in value]
        return self._ours(made, (key,), str(value))

    def _binds(self, made: Service) -> Iterator[tuple[str, str]]:
        """Folders of this project in the container: there, and here."""
        for entry in _list(made.value.get("volumes")):
            if isinstance(entry, str):
                source, _, rest = resolved(entry, self.variables).partition(":")
                target = rest.partition(":")[0]
            else:
                parts = _mapping(entry)
                source, target = str(parts.get("source", "")), str(parts.get("target", ""))
            if target and source.startswith(".") and (self.folder / source).is_dir():
                yield target.rstrip("/"), posixpath.normpath(source)

    # ------------------------------------------------------------------------------------------------ what it is told

    def _environment(self, made: Service) -> Iterator[tuple[str, str]]:
        for path, required in self._env_files(made):
            text, problems = text_of(self.folder / path)
            if problems and required:
                self.wrong(made, ("env_file",), f"{path} cannot be read", "make it, or remove it here")
            values, wrong = parse_env(text, str(self.folder / path)) if not problems else ({}, [])
            self.problems += wrong
            if values:
                self.listed(made, ("env_file",), f"written under env, secrets too: {', '.join(values)}")
            yield from ((name, self._ours(made, ("env_file",), value)) for name, value in values.items())
        written = made.value.get("environment")
        if isinstance(written, Mapping):
            pairs = [(str(name), value, ("environment", name)) for name, value in written.items()]
        elif isinstance(written, list):
            pairs = [(*_pair(str(entry)), ("environment", place)) for place, entry in enumerate(written)]
        else:
            pairs = []
        for name, value, loc in pairs:
            if not name or "=" in name:
                self.wrong(made, loc, f"{name!r} is not the name of a variable", "environment: {NAME: value}")
            elif value is not None:
                yield name, self._ours(made, loc, str(value).lower() if isinstance(value, bool) else str(value))
            elif name in self.variables:
                yield name, f"${{{name}}}"  # from outside it has it anyway

    def _env_files(self, made: Service) -> Iterator[tuple[str, bool]]:
        value = made.value.get("env_file")
        for entry in [value] if isinstance(value, str) else _list(value):
            if isinstance(entry, Mapping):
                yield resolved(str(entry.get("path", "")), self.variables), entry.get("required", True) is True
            else:
                yield resolved(str(entry), self.variables), True

    def _ports(self, made: Service) -> Iterator[Port]:
        for key in ("ports", "expose"):
            value = made.value.get(key)
            for place, entry in enumerate(_list(value)):
                try:
                    found = list(ports_of(entry, self.variables))
                except Unclear as error:
                    self.wrong(made, (key, place), f"{entry!r} is no port", str(error))
                    continue
                if found[0].protocol != "tcp":
                    self.listed(made, (key, place), f"weft carries no {found[0].protocol.upper()}")
                    continue
                if found[0].host and found[0].host != "127.0.0.1" and found[0].published:
                    self.listed(made, (key, place), "it is published for this machine, at 127.0.0.1")
                yield from found

    def _needs(self, made: Service) -> None:
        value = made.value.get("depends_on")
        entries = dict.fromkeys(map(str, value)) if isinstance(value, list) else _mapping(value)
        for place, (name, entry) in enumerate(entries.items()):
            loc: Loc = ("depends_on", place if isinstance(value, list) else name)
            condition = str(_mapping(entry).get("condition", "service_started"))
            made.needs[name] = condition
            made.needs_at[name] = made.node.at_key(loc)
            for other in set(_mapping(entry)) - {"condition"}:
                self.listed(made, (*loc, other), "who depends waits at the start, nothing else")
            if condition == "service_completed_successfully":
                self.listed(made, loc, "weft waits until it is in the mesh, or has ended well: service_healthy")

    def _replicas(self, made: Service) -> int:
        deploy = _mapping(made.value.get("deploy"))
        for key in deploy:
            if key != "replicas":
                self.listed(made, ("deploy", key), "weft starts processes of this machine, and limits none")
        loc: Loc = ("scale",) if "scale" in made.value else ("deploy", "replicas")
        written = made.value.get("scale", deploy.get("replicas", 1))
        try:
            return int(resolved(str(written), self.variables))
        except ValueError:
            self.wrong(made, loc, f"{written!r} is not a whole number", "digits only")
            return 1

    def _unused(self, made: Service) -> None:
        for name in made.node.fields:
            if name.startswith("x-"):
                continue
            if name not in unused.READ and not unused.why(name):
                near = did_you_mean(name, [*unused.READ, *unused.SERVICE, *unused.OTHERS])
                hint = near if near.startswith("did you mean") else ""
                self.listed(made, (name,), "is nothing that Compose knows", hint)
            elif why := unused.why(name) if made.runs else unused.why_elsewhere(name):
                self.listed(made, (name,), why)

    # --------------------------------------------------------------------------------------------------------- helpers

    def _text(self, made: Service, key: str) -> str:
        value = made.value.get(key)
        return resolved(value, self.variables) if isinstance(value, str) else ""

    def _ours(self, made: Service, loc: Loc, text: str) -> str:
        return ours(text, self.variables, lambda why: self.listed(made, loc, why))


def _split(command: str | list[str] | None) -> list[str]:
    if isinstance(command, list):
        return command
    try:
        return shlex.split(command or "")
    except ValueError:
        return [command or ""]


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    return name, value if equals else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
