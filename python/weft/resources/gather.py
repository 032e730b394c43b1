"""A weft.yaml, the files that it includes, and the `.env` beside each: one whole that knows where each part stands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from weft.resources.dotenv import parse_env
from weft.resources.parse import problems_of
from weft.resources.problem import Problem, did_you_mean
from weft.resources.reader import MAX_BYTES, Loc, Node, place_in, read
from weft.resources.ref import Origin
from weft.resources.variables import substitute
from weft.resources.weftfile import FileService, WeftFile

# A chain of includes takes two frames of Python's stack (1,000) for each.
MAX_FILES = 100
# What a file says about everything in it; who includes it has to agree.
SETTINGS = ("namespace", "mtls", "access", "egress", "edge", "controller")
ENV = ".env"


@dataclass(frozen=True, slots=True)
class Around:
    """What a weft.yaml may ask for besides its own text: nothing, for text that comes without a place."""

    folder: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: str | Path) -> Around:
        """The folder of a file and the environment of this process; for "-" the folder is where we are."""
        return cls(Path() if str(file) == "-" else Path(file).parent, dict(os.environ))


@dataclass(frozen=True, slots=True)
class Part:
    """One file."""

    file: str
    node: Node
    written: WeftFile
    # Where its own paths begin; None: it came without a place.
    folder: Path | None = None

    def at(self, *loc: int | str) -> Origin:
        return Origin(self.file, *self.node.at(loc))


@dataclass(frozen=True, slots=True)
class Gathered:
    """All files as one, and where each service stands."""

    written: WeftFile
    # The first is the one that includes the others.
    parts: tuple[Part, ...]
    homes: Mapping[str, Part]

    @property
    def top(self) -> Part:
        return self.parts[0]

    def at(self, loc: Loc) -> Origin:
        part = self._part(loc)
        return Origin(part.file, *part.node.at(loc))

    def at_key(self, loc: Loc) -> Origin:
        part = self._part(loc)
        return Origin(part.file, *(part.node.at_key(loc) if loc else (part.node.line, part.node.column)))

    def _part(self, loc: Loc) -> Part:
        return self.homes[str(loc[1])] if len(loc) > 1 and loc[0] == "services" else self.top


def text_of(path: str | Path) -> tuple[str, list[Problem]]:
    try:
        with open(path, "rb") as file:
            # A pipe or a device has no size of its own. All at once: a decoder that reads in parts counts from each.
            return text_from(file.read(MAX_BYTES + 1)), []
    except UnicodeDecodeError as error:
        return "", [not_utf8(str(path), error)]
    except OSError as error:
        return "", [Problem(str(path), 0, 0, "cannot be read", (error.strerror or str(error)).lower())]


def text_from(data: bytes) -> str:
    """With line ends as Python has them; raises UnicodeDecodeError.

    A read that was cut at the limit may have been cut within a character: whoever parses it says that it is too long.
    """
    return (data.decode() if len(data) <= MAX_BYTES else data.decode(errors="replace")).replace("\r\n", "\n")


def not_utf8(file: str, error: UnicodeDecodeError) -> Problem:
    """PowerShell's `>` writes UTF-16; old editors write what their country used."""
    return Problem(file, *place_in(error.object, error.start), "not UTF-8", hint="save it as UTF-8")


def one_document(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    nodes, problems = read(text, file)
    if problems:
        return None, problems
    if len(nodes) == 1:
        return nodes[0], []
    what = f"{len(nodes)} documents, and a weft.yaml is one" if nodes else "is empty"
    return None, [Problem(file, 0, 0, what, hint="services: {name: {run: …, port: …}}")]


def gather(node: Node, file: str, around: Around) -> tuple[Gathered | None, list[Problem]]:
    """The file whose document is `node`, and all that it includes."""
    gatherer = _Gatherer(around)
    gatherer.take(node, file, around.folder, dict(around.variables))
    if gatherer.problems:
        return None, gatherer.problems
    return _joined(gatherer.parts, around)


@dataclass(slots=True)
class _Gatherer:
    around: Around
    parts: list[tuple[Part, Path]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    # Real path to where it is included, the first entry being nobody's; `open`: those that we are in.
    seen: dict[Path, Origin] = field(default_factory=dict)
    open: list[Path] = field(default_factory=list)
    envs: dict[Path, dict[str, str]] = field(default_factory=dict)

    def take(self, node: Node, file: str, folder: Path | None, variables: dict[str, str]) -> None:
        if folder is not None:
            variables = self._env(folder) | variables
        written = self._written(node, file, variables)
        if written is None:
            return
        relative = Path() if self.around.folder is None or folder is None else _relative(folder, self.around.folder)
        self.parts.append((Part(file, node, written, folder), relative))
        real = Path(file).resolve()
        self.seen.setdefault(real, Origin(file, node.line, node.column))
        self.open.append(real)
        for place, name in enumerate(written.include):
            self._include(name, Origin(file, *node.at(("include", place))), folder, variables)
        self.open.pop()

    def _env(self, folder: Path) -> dict[str, str]:
        path = folder / ENV
        if path not in self.envs:
            text, problems = text_of(path) if path.exists() else ("", [])
            self.envs[path], wrong = parse_env(text, str(path))
            self.problems += problems + wrong
        return self.envs[path]

    def _written(self, node: Node, file: str, variables: Mapping[str, str]) -> WeftFile | None:
        origin = Origin(file, node.line, node.column)
        if isinstance(node.value, Mapping) and "kind" in node.value and "services" not in node.value:
            what = f"this is a {node.value['kind']}, not a weft.yaml"
            self.problems.append(Problem.at(origin, what, hint=f"weft apply -f {file}"))
            return None
        wrong = substitute(node, variables, file)
        if wrong:
            self.problems += wrong
            return None
        try:
            return WeftFile.model_validate(node.value)
        except ValidationError as error:
            self.problems += problems_of(error, WeftFile, origin, node)
            return None

    def _include(self, name: str, where: Origin, folder: Path | None, variables: dict[str, str]) -> None:
        if folder is None:
            what = f"cannot include {name}: this text has no folder"
            self.problems.append(Problem.at(where, what, hint="write it into a file, and name that"))
            return
        path = folder / name
        problem = no_file(path, where, "weft.yaml") or self._refused(path, where)
        if problem is not None:
            self.problems.append(problem)
            return
        self.seen[path.resolve()] = where
        text, problems = text_of(path)
        node, wrong = one_document(text, str(path)) if not problems else (None, [])
        self.problems += problems + wrong
        if node is not None:
            self.take(node, str(path), path.parent, variables)

    def _refused(self, path: Path, where: Origin) -> Problem | None:
        real = path.resolve()
        if real in self.open:
            why = "it includes itself" if real == self.open[-1] else f"{path} leads here again, by {self._way(real)}"
            return Problem.at(where, f"the include of {path} is circular", why, "remove one of the two")
        if real in self.seen:
            why = f"first at {self.seen[real]}"
            return Problem.at(where, f"{path} is included twice", why, "remove one of the two")
        if len(self.seen) >= MAX_FILES:
            return Problem.at(where, f"more than {MAX_FILES} files", hint="join some of them")
        return None

    def _way(self, real: Path) -> str:
        inner = self.open[self.open.index(real) + 1 :]
        return " and ".join(str(self.seen[path]) for path in inner)


def no_file(path: Path, where: Origin, within: str) -> Problem | None:
    """What stands at `where` is the name of no file. `within`: what is meant where it is a folder."""
    try:
        if path.is_file():
            return None
        if path.is_dir():
            return Problem.at(where, f"{path} is a folder", hint=f"write {path / within}")
        if path.exists():
            return Problem.at(where, f"{path} is no ordinary file", hint="put its text into one")
        near = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:  # a folder that is closed to us, a name of 300 characters
        return Problem.at(where, "cannot be looked for", f"{path}: {(error.strerror or str(error)).lower()}")
    hint = did_you_mean(path.name, near) or "its path is relative to this file"
    return Problem.at(where, f"there is no file {path}", hint=hint)


def _relative(folder: Path, top: Path) -> Path:
    """As commands and people write it: "..", too."""
    return Path(os.path.relpath(folder, top))


def _joined(parts: list[tuple[Part, Path]], around: Around) -> tuple[Gathered | None, list[Problem]]:
    top = parts[0][0]
    services: dict[str, FileService] = {}
    homes: dict[str, Part] = {}
    problems = list(_disagreements([part for part, _ in parts]))
    for part, folder in parts:
        for name, service in part.written.services.items():
            where = Origin(part.file, *part.node.at_key(("services", name)))
            if name in homes:
                first = Origin(homes[name].file, *homes[name].node.at_key(("services", name)))
                what = f"the service {name} stands twice"
                problems.append(Problem.at(where, what, f"first at {first}", "rename one of the two"))
                continue
            homes[name] = part
            files = tuple(str(_absolute(around, folder / path)) for path in service.file)
            services[name] = service.model_copy(update={"directory": _below(folder, service.directory), "file": files})
            if files and around.folder is None:
                where = Origin(part.file, *part.node.at(("services", name, "file")))
                hint = "write it into a file, and name that"
                problems.append(Problem.at(where, f"cannot find {service.file[0]}: this text has no folder", hint=hint))
    if not services:
        origin = Origin(top.file, top.node.line, top.node.column)
        problems.append(Problem.at(origin, "services is missing", hint="services: {name: {run: …, port: …}}"))
    if problems:
        return None, problems
    said = {name: value for part, _ in reversed(parts) for name, value in _settings(part)}
    written = top.written.model_copy(update={**said, "services": services})
    return Gathered(written, tuple(part for part, _ in parts), homes), []


def _absolute(around: Around, path: Path) -> Path:
    """The controller reads it, which stands elsewhere."""
    return Path(os.path.abspath((around.folder or Path()) / path))


def _below(folder: Path, directory: str) -> str:
    joined = str(folder / directory)
    return "" if joined == "." else joined


def _settings(part: Part) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(part.written, name)) for name in SETTINGS if name in part.written.model_fields_set)


def _disagreements(parts: list[Part]) -> Iterator[Problem]:
    """Two namespaces, or strict here and permissive there: who reads one file must not be wrong about it."""
    first: dict[str, tuple[Part, Any]] = {}
    for part in parts:
        for name, value in _settings(part):
            home, before = first.setdefault(name, (part, value))
            if value != before:
                place = Origin(home.file, *home.node.at_key((name,)))
                what = f"{name}: {value}, and {name}: {before} at {place}"
                where = Origin(part.file, *part.node.at_key((name,)))
                yield Problem.at(where, what, hint="all files of one weft.yaml say the same, or one of them does")
