"""`${NAME}` in the values of a weft.yaml.

In values that were read, not in text: no variable can bring a field with it, and every value keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from weft.resources.problem import Problem, did_you_mean
from weft.resources.reader import Node
from weft.resources.scalars import plain

# Compose's escape, for braces only: "$$" alone is a shell's process id, "$PORT" its variable; both stay as they are.
_USE = re.compile(r"(?P<escaped>\$)?\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:[-?])(?P<rest>.*))?", re.DOTALL)
FORMS = "${NAME}, ${NAME:-default} or ${NAME:?message}; $${ stands for ${ itself"
# Of one value with its variables: no command line is longer (Linux, MAX_ARG_STRLEN), and many uses make much of little.
MAX_LENGTH = 128 * 1024


class _Wrong(Exception):
    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.hint = what, why, hint


def substitute(node: Node, variables: Mapping[str, str], file: str) -> list[Problem]:
    """Puts variables into every string below `node`, in place. Keys stay as they are."""
    problems: list[Problem] = []
    for scalar in _strings(node):
        try:
            scalar.value = _typed(scalar.value, variables)
        except _Wrong as wrong:
            problems.append(Problem(file, scalar.line, scalar.column, wrong.what, wrong.why, wrong.hint))
    return sorted(problems, key=lambda p: (p.line, p.column))


def _strings(root: Node) -> Iterator[Node]:
    """Each once, also where aliases lead to it twice. Their parents take over what they have become."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        children = [*node.items, *(entry[2] for entry in node.fields.values())]
        for child in children:
            if isinstance(child.value, str) and "${" in child.value and id(child) not in seen:
                seen.add(id(child))
                yield child
        for place, child in enumerate(node.items):
            node.value[place] = child.value
        for name, (_, _, child) in node.fields.items():
            node.value[name] = child.value
        stack += children


def _typed(text: str, variables: Mapping[str, str]) -> str | int | bool:
    """A value that is a number or a boolean now, in the one spelling that reads back the same, is one: `port: ${P}`.

    Quoted or not: within {…} YAML wants the quotes.
    """
    result = _USE.sub(lambda use: _value(use, variables), text)
    if len(result) > MAX_LENGTH:
        raise _Wrong(f"with its variables longer than {MAX_LENGTH >> 10} KiB", hint="put it into a file of the app")
    value = plain(result)
    if isinstance(value, bool):
        return value if result in ("true", "false") else result
    return value if isinstance(value, int) and str(value) == result else result


def _value(use: re.Match[str], variables: Mapping[str, str]) -> str:
    if use["escaped"]:
        return use[0][1:]
    inside = _INSIDE.fullmatch(use["inside"])
    if inside is None or not use["end"]:
        raise _Wrong(f"{use[0]} is no variable", hint=f"write {FORMS}")
    name, how, rest = inside["name"], inside["how"], inside["rest"] or ""
    if "${" in rest:
        raise _Wrong(f"variables do not nest: {use[0]}", hint=f"give ${{{name}:-…}} a plain default")
    value = variables.get(name)
    if value is None or (how and not value):
        return _absent(name, how, rest, variables)
    return value


def _absent(name: str, how: str | None, rest: str, variables: Mapping[str, str]) -> str:
    if how == ":-":
        return rest
    empty = "is empty" if name in variables else "is not set"
    near = did_you_mean(name, variables) if name not in variables else ""
    if not near.startswith("did you mean"):
        near = f"write {name}=… into .env, or export it, or ${{{name}:-default}}"
    raise _Wrong(f"the variable {name} {empty}", rest, near if how else f"{near}; a shell's own: $${{{name}}}")
