"""A page of the docs as a script: its fenced blocks, top to bottom, and what a comment above one says of it.

    <!-- test: not run: REASON -->             a block that only people can follow
    <!-- test: in the background until TEXT --> its one command goes on to the end of the page; ready when it says TEXT
    <!-- test: ends with 1 -->                 the exit status of each command; 0 without it
    <!-- test: asked until it says so -->      what takes effect in a moment; commands that only look always are
    <!-- test: numbers vary -->                whole numbers in the output are this run's
    <!-- test: on the second machine -->       in a network namespace of its own, at 192.0.2.7; the first is 192.0.2.1
    <!-- test: copy NAME to the second machine -->

Several stand in one comment, with `; ` between them.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What a reader types: with what it answers, or without.
TYPED = ("console", "sh")
# What is only looked at, unless it has a title: then it is a file to be written.
SHOWN = ("yaml", "json", "python", "javascript", "ini", "text", "haproxy")

_COMMENT = re.compile(r"^\s*<!-- test: (.*) -->$")
_FENCE = re.compile(r'^(?P<indent>\s*)```(?P<language>[a-z]*)(?: title="(?P<title>[^"]+)")?\s*$')


class Unclear(Exception):
    """A page that no reader and no test can follow; says where."""


@dataclass
class Block:
    page: Path
    line: int
    language: str
    title: str
    text: str
    said: tuple[str, ...]

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page.name}:{self.line}"

    def told(self, beginning: str) -> str | None:
        """What the comment says after `beginning`."""
        return next((text.removeprefix(beginning).strip() for text in self.said if text.startswith(beginning)), None)

    @property
    def not_run(self) -> str | None:
        return self.told("not run:")


@dataclass
class Step:
    """A command, the line that it stands in, and what it is shown to answer (None: nothing is shown)."""

    command: str
    line: int
    shown: list[str] | None = None


@dataclass
class Typed:
    block: Block
    steps: list[Step] = field(default_factory=list)


def pages() -> list[Path]:
    """README and everything below docs, pages that are generated or decisions left out: they have no commands."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(path for path in found if path.parent.name != "decisions")]


def blocks(page: Path) -> list[Block]:
    """Raises Unclear for a fence without an end, a language that nobody knows, and a comment that means nothing."""
    found: list[Block] = []
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    said: tuple[str, ...] = ()
    for number, line in lines:
        if comment := _COMMENT.match(line):
            said = tuple(_known(each, f"{page.name}:{number}") for each in comment[1].split("; "))
            continue
        if not (fence := _FENCE.match(line)):
            if said and line.strip():
                raise Unclear(f"{page.name}:{number}: the comment above is about no block")
            continue
        body = []
        for _, inner in lines:
            if inner.strip() == "```":
                break
            body.append(inner)
        else:
            raise Unclear(f"{page.name}:{number}: a block without an end")
        if fence["language"] not in TYPED + SHOWN:
            raise Unclear(f"{page.name}:{number}: a block is one of {', '.join(TYPED + SHOWN)}")
        text = textwrap.dedent("\n".join(body)) + "\n"
        found.append(Block(page, number, fence["language"], fence["title"] or "", text, said))
        said = ()
    return found


_WORDS = re.compile(
    r"not run: .+|in the background until .+|ends with \d+|asked until it says so|numbers vary"
    r"|on the second machine|copy [\w./-]+ to the second machine"
)


def _known(text: str, place: str) -> str:
    if not _WORDS.fullmatch(text):
        raise Unclear(f"{place}: nobody knows what {text!r} means here; see tests/docs/page.py")
    return text


def typed(block: Block) -> list[Step]:
    """The commands of a block: in `console` what follows `$ ` with the lines that answer, in `sh` every line."""
    steps: list[Step] = []
    going_on = False
    for offset, line in enumerate(block.text.splitlines(), 1):
        begins = line.startswith("$ ") if block.language == "console" else not going_on
        if going_on:
            steps[-1].command += "\n" + line
        elif begins:
            if not line.strip() or line.startswith("#"):
                continue
            answer: list[str] | None = [] if block.language == "console" else None
            steps.append(Step(line.removeprefix("$ "), block.line + offset, answer))
        elif steps and steps[-1].shown is not None:
            steps[-1].shown.append(line)
        else:
            raise Unclear(f"{block.place}: a console begins with `$ `")
        going_on = (begins or going_on) and line.endswith("\\")
    return steps
