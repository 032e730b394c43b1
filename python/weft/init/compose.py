"""A Compose file as a draft. What a container brings and a process has not is listed, with its line and why.

Services with code of their own run; those that are somebody's image (a database) become services with `endpoints`.
Source: https://docs.docker.com/reference/compose-file/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from weft.init import compose_unused as unused
from weft.init.compose_read import Reader, Service
from weft.init.compose_write import entries
from weft.init.draft import Draft, variables
from weft.resources.gather import text_of
from weft.resources.problem import Problem, did_you_mean
from weft.resources.reader import Node, read

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
HEAD = (
    "Apps find each other by their environment: STOCK_URL, STOCK_HOST and STOCK_PORT for a service stock under "
    "`calls`; the names of containers mean nothing here."
)
TOP = ("name", "services", "version")


def draft(file: Path, out: Path) -> Draft:
    """`out`: the folder of the weft.yaml; what is relative there is relative to it."""
    made = Draft(file.name)
    text, made.problems = text_of(file)
    env = variables(made, file.parent, out)
    node = _document(text, str(file), made)
    if node is None:
        return made
    reader = Reader(str(file), file.parent, out, env, made.problems)
    services = _services(node, str(file), reader)
    _unused(node, str(file), made)
    _overrides(file, made)
    made.entries = entries(services, reader)
    made.problems.sort(key=lambda problem: (problem.line, problem.column))
    made.comments = [HEAD]
    return made


def _document(text: str, file: str, made: Draft) -> Node | None:
    """The mapping of a Compose file, which has services."""
    if any(problem.severity == "error" for problem in made.problems):
        return None
    nodes, problems = read(text, file, merge=True)
    made.problems += problems
    if problems:
        return None
    if len(nodes) != 1 or not isinstance(nodes[0].value, Mapping):
        made.problems.append(Problem(file, 1, 1, "this is no Compose file", hint="it begins with services:"))
        return None
    node = nodes[0]
    if isinstance(node.value.get("services"), Mapping):
        return node
    made.problems.append(_no_services(node, file))
    return None


def _no_services(node: Node, file: str) -> Problem:
    if "services" in node.value:
        hint = "services: {name: {build: ., command: …}}"
        return Problem(file, *node.at_key(("services",)), "services is not a mapping", hint=hint)
    for name, (line, column, _) in node.fields.items():
        if did_you_mean(name, ["services"]).startswith("did you mean"):
            return Problem(file, line, column, f'unknown field "{name}"', hint='did you mean "services"?')
    return Problem(file, node.line, node.column, "services is missing", hint="a Compose file has services:")


def _services(node: Node, file: str, reader: Reader) -> list[Service]:
    found: list[Service] = []
    for name, (line, column, inner) in node.fields["services"][2].fields.items():
        if not isinstance(inner.value, Mapping):
            what, hint = f"{name} is not a mapping", f"{name}: {{build: .}}"
            reader.problems.append(Problem(file, line, column, what, hint=hint))
            continue
        found.append(reader.service(name, inner, (line, column)))
    names = [service.name for service in found]
    for service in found:
        for needed, place in service.needs_at.items():
            if needed not in names:
                what = f"{service.name}.depends_on: there is no service {needed}"
                reader.problems.append(Problem(file, *place, what, hint=did_you_mean(needed, names)))
    return found


def _unused(node: Node, file: str, made: Draft) -> None:
    for name, (line, column, _) in node.fields.items():
        if name in TOP or name.startswith("x-"):
            continue
        why = unused.TOP.get(name)
        hint = "" if why else did_you_mean(name, [*TOP, *unused.TOP])
        what = why or "is nothing that Compose knows"
        made.problems.append(Problem(file, line, column, name, what, hint, severity="warning"))


def _overrides(file: Path, made: Draft) -> None:
    for suffix in (".yaml", ".yml"):
        other = file.with_name(f"{file.stem}.override{suffix}")
        if other.exists():
            why = "is not read; `docker compose config > all.yaml` makes one file of both"
            made.problems.append(Problem(str(other), 1, 1, other.name, why, severity="warning"))


