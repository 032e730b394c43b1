"""Files, directories and stdin to resources; all problems, not just the first."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from weft.resources.base import Resource
from weft.resources.expand import NOWHERE, expand_node, is_weftfile
from weft.resources.gather import Around, not_utf8, text_from
from weft.resources.parse import parse_node
from weft.resources.problem import Problem, did_you_mean
from weft.resources.reader import MAX_BYTES, read
from weft.resources.resourcefiles import twice
from weft.resources.writer import Dumper

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What could be read, in file order, and what could not."""

    resources: tuple[Resource, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not any(p.severity == "error" for p in self.problems)


def load(paths: Iterable[str | Path]) -> Loaded:
    """Every resource below `paths`: files, directories (all *.yaml, *.yml, *.json below, by name), "-" for stdin.

    A `weft.yaml` stands for the resources that it expands to.
    """
    resources: list[Resource] = []
    problems: list[Problem] = []
    for path in map(str, paths):
        for file, text in _texts(path, problems):
            found, wrong = _parse(text, file, Around.of(path if path == "-" else file))
            resources += found
            problems += wrong
    resources = _once(resources)
    problems += twice(resources)
    return Loaded(tuple(resources), tuple(problems))


def _once(resources: Iterable[Resource]) -> list[Resource]:
    """A file that a weft.yaml names under `resources` stands in the folder as well."""
    return list({(resource.ref, str(resource.origin)): resource for resource in resources}.values())


def load_text(text: str, file: str = "<input>") -> Loaded:
    """Every resource of one text; `file` is the name in problems and origins."""
    resources, problems = _parse(text, file)
    return Loaded(tuple(resources), (*problems, *twice(resources)))


def _parse(text: str, file: str, around: Around = NOWHERE) -> tuple[list[Resource], list[Problem]]:
    resources: list[Resource] = []
    nodes, problems = read(text, file)
    for node in nodes:
        if is_weftfile(node.value):
            expanded = expand_node(node, file, around)
            resources += expanded.resources
            problems += expanded.problems
            continue
        resource, wrong = parse_node(node, file)
        problems += wrong
        if resource is not None:
            resources.append(resource)
    return resources, sorted(problems, key=lambda p: (p.line, p.column))


def _texts(path: str, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    if path == "-":
        try:
            yield "<stdin>", text_from(sys.stdin.buffer.read(MAX_BYTES + 1))
        except UnicodeDecodeError as error:
            problems.append(not_utf8("<stdin>", error))
        return
    place = Path(path)
    if place.is_dir():
        files = sorted(f for f in place.rglob("*") if f.suffix in SUFFIXES and f.is_file())
        if not files:
            problems.append(Problem(path, 0, 0, "no resources here", f"no {', '.join(SUFFIXES)} below this directory"))
    else:
        files = [place]
    for file in files:
        text = _text_of(file, problems)
        if text is not None:
            yield str(file), text


def _text_of(file: Path, problems: list[Problem]) -> str | None:
    try:
        if file.stat().st_size > MAX_BYTES:
            problems.append(Problem(str(file), 0, 0, f"more than {MAX_BYTES >> 20} MiB", hint="split the file"))
            return None
        with file.open("rb") as opened:
            # A pipe or a device has no size of its own.
            return text_from(opened.read(MAX_BYTES + 1))
    except UnicodeDecodeError as error:
        problems.append(not_utf8(str(file), error))
    except OSError as error:
        near = [f.name for f in file.parent.iterdir()] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, near) if isinstance(error, FileNotFoundError) else ""
        problems.append(Problem(str(file), 0, 0, "cannot be read", (error.strerror or str(error)).lower(), hint))
    return None


def to_yaml(resources: Iterable[Resource]) -> str:
    """As one multi-document text that `load_text` reads back."""
    documents = (r.to_dict() for r in resources)
    return yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
