"""Text for a terminal, of which a part was written by strangers: a path, an event, a name that a proxy reports."""

from __future__ import annotations

import json
import re

# What apps colour their own words with, which says nothing.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def printable(text: str) -> str:
    """Lines stay; what would steer the terminal goes: escape sequences, marks that turn the direction of reading."""
    if text.isprintable():
        return text
    return "".join(map(_shown, _COLOUR.sub("", text)))


def in_line(text: str) -> str:
    """`printable`, as one line: nobody's text can pretend to be the next one."""
    return printable(text).replace("\n", " ").replace("\t", " ")


def json_text(value: object, indent: int | None = None) -> str:
    """JSON with the same value, and without such characters; other scripts stay readable."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _shown(char: str) -> str:
    if char.isprintable() or char in "\n\t":
        return char
    return " " if char.isspace() and char > "\x7f" and char != "\x85" else "?"


def _escaped(char: str) -> str:
    return char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1]
