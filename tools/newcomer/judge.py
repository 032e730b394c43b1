"""Reads what weft prints as a newcomer does: a traceback, an error without a way out, or a lie is a fault.

A lie is whatever a message names and is not there: a command or option, an address, a file and its line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# What no message may hold, whatever the command.
NEVER = (
    ("a traceback", re.compile(r"^Traceback \(most recent call last\)", re.MULTILINE)),
    ("a panic", re.compile(r"panicked at|stack backtrace:")),
    ("a warning of Python's", re.compile(r"^\S*:\d+: \w*Warning:", re.MULTILINE)),
    ("an exception's name", re.compile(r"\b[A-Z]\w+(?:Error|Exception)\b(?=[:(])")),
    ("something that is not text", re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x7f]")),
)
ERROR = re.compile(r"(?:^|\| )error: ")
HINT = re.compile(r"(?:^|\| )hint: ")
# The last word after problems that have their own hints.
SUMMARY = re.compile(r"^error: \d+ problems?, ")
# Between an error and its hint stand at most the last 20 lines of a service and a blank one.
HINT_WITHIN = 24
COMMAND = re.compile(r"`(weft(?: [^`\n]+)?)`")
ADDRESS = re.compile(r"\bhttps?://(?:127\.[\d.]+|localhost|\[::1\]):\d+[^\s`'\"),;]*")
ORIGIN = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*[\w-]+\.ya?ml):(\d+)")


def faults(text: str) -> Iterator[str]:
    """What is wrong with a text by itself."""
    for what, pattern in NEVER:
        if found := pattern.search(text):
            yield f"{what}: {_line_of(text, found.start())}"
    lines = text.splitlines()
    for number, line in enumerate(lines):
        after = lines[number + 1 : number + 1 + HINT_WITHIN]
        if SUMMARY.search(line) and any(HINT.search(each) for each in lines[:number]):
            continue
        if ERROR.search(line) and not any(HINT.search(each) for each in after):
            yield f"an error without a hint: {line.strip()}"


def commands(text: str) -> set[str]:
    """What the text says one could type. `weft up -d`, without what stands for something else."""
    return {found.strip() for found in COMMAND.findall(text)}


def addresses(text: str) -> set[str]:
    return {found.rstrip(".") for found in ADDRESS.findall(text)}


def untrue_commands(named: Iterable[str], help_of: Callable[[list[str]], str | None]) -> Iterator[str]:
    """Those that there are not; `help_of(["token", "create"])` is a command's help, None when there is none."""
    for command in sorted(set(named)):
        words = _words(command)[1:]
        path: list[str] = []
        while words and re.fullmatch(r"[a-z][a-z-]*", words[0]) and help_of([*path, words[0]]) is not None:
            path.append(words.pop(0))
        text = help_of(path)
        if text is None or (not path and words and not words[0].startswith("-")):
            yield f"`{command}`: there is no such command"
            continue
        for option in (word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)):
            if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text):
                yield f"`{command}`: there is no {option}"


def untrue_origins(text: str, folders: Iterable[Path]) -> Iterator[str]:
    """`weft.yaml:19` has to be a line of a file in one of the folders, or of that path."""
    known = list(folders)
    for name, line in sorted(set(ORIGIN.findall(text))):
        lengths = [_lines(folder / name) for folder in known]
        if not any(length >= int(line) for length in lengths):
            yield f"{name}:{line}: there is no such line"


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else 0


def _words(command: str) -> list[str]:
    """Without what follows ` -- `: that is somebody else's command."""
    ours = command.partition(" -- ")[0].replace("…", "").replace("[", "").replace("]", "")
    try:
        return shlex.split(ours)
    except ValueError:
        return ours.split()


def _line_of(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    return text[start : text.find("\n", position) if "\n" in text[position:] else len(text)].strip()[:160]
