"""Files of ordinary resources that a weft.yaml brings along: `resources: [policies/*.yaml]`.

What weft.yaml has no word for is said in the resources themselves: a retry policy, a route by path, a Deny.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from glob import has_magic, iglob
from itertools import islice
from os.path import isfile
from pathlib import Path

from weft.resources.base import Resource
from weft.resources.gather import Gathered, Part, no_file, text_of
from weft.resources.mesh import Mesh
from weft.resources.parse import parse_node
from weft.resources.problem import Problem
from weft.resources.reader import Node, read
from weft.resources.ref import Origin, Ref

# Of one pattern. A mesh of 1,000 services has fewer; "**" in the wrong place has more than anybody waits for.
MAX_FILES = 1_000


def resource_files(gathered: Gathered) -> tuple[list[Resource], list[Problem]]:
    """All resources of all files that are named, in that order; what names no namespace is in the weft.yaml's."""
    resources: list[Resource] = []
    problems: list[Problem] = []
    seen: set[Path] = set()
    for part in gathered.parts:
        for place, name in enumerate(part.written.resources):
            paths, wrong = _named(part, name, part.at("resources", place))
            problems += wrong
            for path in paths:
                if path.resolve() not in seen:
                    seen.add(path.resolve())
                    found, wrong = _read(path, gathered.written.namespace)
                    resources += found
                    problems += wrong
    return resources, problems


def twice(resources: Iterable[Resource]) -> Iterator[Problem]:
    """What has one name and stands in two places."""
    seen: dict[Ref, Resource] = {}
    for resource in resources:
        first = seen.setdefault(resource.ref, resource)
        if first is not resource:
            yield Problem.at(resource.origin, f"{resource.ref} stands twice", f"first at {first.origin}", "remove one")


def _named(part: Part, name: str, where: Origin) -> tuple[list[Path], list[Problem]]:
    """The files that one entry means: a path, or a pattern of paths."""
    if part.folder is None:
        what = f"cannot read {name}: this text has no folder"
        return [], [Problem.at(where, what, hint="write it into a file, and name that")]
    path = part.folder / name
    if has_magic(name):
        files = filter(isfile, iglob(str(path), recursive=True))
        found = [Path(entry) for entry in sorted(islice(files, MAX_FILES + 1))]
        if len(found) > MAX_FILES:
            what = f"more than {MAX_FILES} files are called like {path}"
            return [], [Problem.at(where, what, hint="name some of them, by folder or by the end: *.yaml")]
        hint = "a path relative to this file; * stands for any part of a name, ** for any folders"
        return found, [] if found else [Problem.at(where, f"no file is called like {path}", hint=hint)]
    problem = no_file(path, where, "*.yaml")
    return ([], [problem]) if problem else ([path], [])


def _read(path: Path, namespace: str) -> tuple[list[Resource], list[Problem]]:
    text, problems = text_of(path)
    if problems:
        return [], problems
    resources: list[Resource] = []
    nodes, problems = read(text, str(path))
    for node in nodes:
        if isinstance(node.value, Mapping) and "kind" not in node.value and {"services", "include"} & set(node.value):
            where = Origin(str(path), node.line, node.column)
            problems.append(Problem.at(where, "this is a weft.yaml, not a resource", hint=f"include: [{path.name}]"))
            continue
        _place_in(namespace, node)
        resource, wrong = parse_node(node, str(path))
        problems += wrong
        resources += [resource] if resource else []
    return resources, problems


def _place_in(namespace: str, node: Node) -> None:
    """As everything in the weft.yaml; there is one Mesh, of no namespace but the default."""
    metadata = node.value.get("metadata") if isinstance(node.value, dict) else None
    if isinstance(metadata, dict) and node.value.get("kind") != Mesh.KIND:
        metadata.setdefault("namespace", namespace)
