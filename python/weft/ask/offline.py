"""Files, judged without a controller: their syntax, what they say together, what the core says to their program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from weft.compiler import core
from weft.compiler.judge import Check, judge
from weft.compiler.model import Stored
from weft.resources.base import Resource
from weft.resources.load import load
from weft.resources.problem import Problem
from weft.resources.validate import validate


def validate_offline(paths: Iterable[str | Path], check: Check | None = None) -> list[Problem]:
    """Everything that is wrong, in the order of the files; only errors stop an apply."""
    loaded = load(paths)
    between = validate(loaded.resources)
    return [*loaded.problems, *between, *_judged(loaded.resources, check or core.check)]


def _judged(resources: Iterable[Resource], check: Check) -> Iterator[Problem]:
    for resource in resources:
        reason = judge(Stored(resource), check)
        if reason is not None:
            yield replace(Problem.at(resource.origin, f"{resource.ref} is refused", reason), ref=resource.ref)
