"""What `weft init` is going to write, and what it has to say about that."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from weft.resources.dotenv import parse_env
from weft.resources.gather import ENV, text_of
from weft.resources.problem import Problem
from weft.resources.writer import Dumper

# As in every file of this project's own.
WIDTH = 120


@dataclass(slots=True)
class Entry:
    """One service. Without fields it is a comment only: something is missing that nobody but its author knows."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """`problems`: errors, after which nothing is written, and warnings: what has no place in a weft.yaml."""

    source: str
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return any(entry.fields for entry in self.entries) and not any(p.severity == "error" for p in self.problems)


def relative(folder: Path, out: Path) -> str:
    """As `directory` has it; "" for the weft.yaml's own folder."""
    found = os.path.relpath(folder, out)
    return "" if found == "." else found


def variables(made: Draft, folder: Path, out: Path) -> dict[str, str]:
    """Those of `.env` in `folder`. A weft.yaml reads the one beside itself."""
    path = folder / ENV
    if not path.exists():
        return {}
    content, problems = text_of(path)
    found, wrong = parse_env(content, str(path))
    made.problems += problems + wrong
    if relative(folder, out):
        why = "a weft.yaml reads the one in its own folder: copy it there"
        made.problems.append(Problem(str(path), 1, 1, ENV, why, severity="warning"))
    return found


def text(draft: Draft, schema: str = "") -> str:
    """The whole file. `schema`: where its JSON Schema lies."""
    head = [f"# yaml-language-server: $schema={schema}"] if schema else []
    head += _comment([f"Written by `weft init` from {draft.source}. It is yours now.", *draft.comments], "")
    return "\n".join([*head, "services:", *(line for entry in draft.entries for line in _entry(entry))]) + "\n"


def _entry(entry: Entry) -> Iterator[str]:
    yield from _comment(entry.comments, "  ")
    if entry.fields:
        whole = {entry.name: entry.fields}
        written = yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
        yield textwrap.indent(written.rstrip("\n"), "  ")


def _comment(lines: Iterable[str], indent: str) -> list[str]:
    wrapped = (textwrap.wrap(line, WIDTH - len(indent) - 2, break_on_hyphens=False) for line in lines)
    return [f"{indent}# {part}" for parts in wrapped for part in parts]


class _Dumper(Dumper):
    """Lists in one line, as people write them in a weft.yaml."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Dumper.add_representer(list, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, True))
