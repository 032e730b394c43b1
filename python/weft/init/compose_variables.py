"""Compose's variables in the spelling of a weft.yaml.

There they mean the same, but $NAME without braces is a shell's, and a variable that is set nowhere is an error.
Source: https://docs.docker.com/reference/compose-file/interpolation/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_USE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z_]\w*)"
    r"|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<rest>(?:[^{}]|\{[^{}]*\})*))?\})"
)


def ours(text: str, variables: Mapping[str, str], say: Callable[[str], object]) -> str:
    """`variables`: those of `.env`. `say` is told what does not mean quite the same."""

    def value(use: re.Match[str]) -> str:
        if use["escaped"]:
            # "$${" is an escape here, too; "$$" before anything else is a shell's process id.
            return "$$" if text[use.end() :].startswith("{") else "$"
        return _variable(use["name"] or use["braced"], use["how"], use["rest"] or "", variables, say)

    return _USE.sub(value, text)


def resolved(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables as they are now."""

    def value(use: re.Match[str]) -> str:
        if use["escaped"]:
            return "$"
        found, how = variables.get(use["name"] or use["braced"]), use["how"] or ""
        rest = resolved(use["rest"] or "", variables)
        given = found is not None and (bool(found) or ":" not in how)
        if "+" in how:
            return rest if given else ""
        return (found or "") if given or "-" not in how else rest

    return _USE.sub(value, text)


def _variable(name: str, how: str | None, rest: str, variables: Mapping[str, str], say: Callable[[str], object]) -> str:
    if how is None:
        if name in variables:
            return f"${{{name}}}"
        say(f"{name} is not in .env; where it is not set either, it is empty, as in Compose")
        return f"${{{name}:-}}"
    plain = resolved(rest, variables)
    if "+" in how:
        fixed = resolved(f"${{{name}{how}{rest}}}", variables)
        say(f"a weft.yaml has no ${{{name}{how}…}}: it became {fixed!r}, which it is now")
        return fixed
    if plain != rest:
        say(f"variables do not nest in a weft.yaml: the default of {name} became {plain!r}")
    return f"${{{name}:{how[-1]}{plain}}}"
