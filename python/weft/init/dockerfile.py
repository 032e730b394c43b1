"""What a Dockerfile says about the program in it: its command, its environment, its ports. Nothing is built.

Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

_LINE = re.compile(r"\s*(?P<word>[A-Za-z]+)\s+(?P<rest>.*)", re.DOTALL)
_PAIR = re.compile(r"""(?P<name>[A-Za-z_]\w*)=(?:"(?P<quoted>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>\S*))""")
# What it would be a mistake to read: a device, a log.
MAX_BYTES = 1024 * 1024


@dataclass(slots=True)
class Image:
    """Of the last stage."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    directory: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        return (*self.entrypoint, *self.command)


def read(path: Path, target: str = "") -> Image:
    """`target`: the stage that is meant, else the last one. What cannot be read says nothing."""
    try:
        text = path.read_bytes()[:MAX_BYTES].decode("utf-8", "replace")
    except OSError:
        return Image()
    image = Image()
    stages: dict[str, Image] = {}
    for line in _lines(text):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        word, rest = match["word"].upper(), match["rest"].strip()
        if word == "FROM":
            name = rest.split()[-1].lower() if " as " in rest.lower() else ""
            base = stages.get(rest.split()[0].lower(), Image())
            image = replace(base)
            stages[name] = image
        elif word == "CMD":
            image.command = _words(rest)
        elif word == "ENTRYPOINT":
            # As Docker: what a base image would have run is not its arguments.
            image.entrypoint, image.command = _words(rest), ()
        elif word == "WORKDIR":
            image.directory = posixpath.join(image.directory, rest)
        elif word == "ENV":
            image.env = {**image.env, **dict(_variables(rest))}
        elif word == "EXPOSE":
            image.ports += tuple(int(port) for port in re.findall(r"\b(\d{1,5})(?:/tcp)?(?=\s|$)", rest))
    return stages.get(target.lower(), Image()) if target else image


def _lines(text: str) -> list[str]:
    kept = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return re.sub(r"\\[ \t]*\n", " ", "\n".join(kept)).splitlines()


def _variables(rest: str) -> Iterator[tuple[str, str]]:
    """Of `NAME=value …` and of `NAME value`; what speaks of files of the image or of other variables is left out."""
    if "=" not in rest.split()[0]:
        rest = "=".join(rest.split(maxsplit=1))
    for match in _PAIR.finditer(rest):
        value = match["quoted"] or match["single"] or match["bare"] or ""
        if "/" not in value[:1] and "$" not in value:
            yield match["name"], value


def _words(rest: str) -> tuple[str, ...]:
    """A JSON list as it is; everything else is a shell's, as Docker has it."""
    try:
        words = json.loads(rest)
    except ValueError:
        words = None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words)
    return ("sh", "-c", rest)
