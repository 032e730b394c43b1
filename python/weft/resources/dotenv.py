"""`.env` beside a weft.yaml: NAME=value, a line each. Values for its ${NAME}; what is set outside wins over them."""

from __future__ import annotations

import re

from weft.resources.problem import Problem

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
# A value in quotes, and nothing but a comment after it.
_QUOTED = re.compile(r"""(?P<quote>['"])(?P<text>.*?)(?P=quote)\s*(?:#.*)?""")
# As Compose: "#" begins a comment only after a space, so that colours and passwords may contain it.
_COMMENT = re.compile(r"(?:^|\s+)#.*")


def parse_env(text: str, file: str) -> tuple[dict[str, str], list[Problem]]:
    """The variables, the last of a name winning, and what is no line of this kind."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    # Editors of Windows begin a file with a mark of its encoding.
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or "\0" in line:
            problems.append(Problem(file, number, 1, "this is no variable", hint="write NAME=value, or # before it"))
            continue
        value = match["value"]
        quoted = _QUOTED.fullmatch(value)
        if quoted is None and value[:1] in ("'", '"'):
            problems.append(Problem(file, number, 1, f"{match['name']} has no end", hint=f"close it with {value[0]}"))
            continue
        found[match["name"]] = quoted["text"] if quoted else _COMMENT.sub("", value)
    return found, problems
