"""JSON to dataclasses, by their annotations.

Tolerant in one direction only: fields that this version does not know are ignored (a newer controller), a missing
field takes its default, and one without a default is an error that names it.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Malformed(ValueError):
    """The answer lacks something that this version cannot do without."""


def decode(target: type[T], value: Any, where: str = "") -> T:
    """`value`, which came from JSON, as an instance of the dataclass `target`."""
    _of(dict, value, where or target.__name__)
    hints, arguments = _hints(cast(Hashable, target)), dict[str, Any]()
    for field in dataclasses.fields(cast(Any, target)):
        place = f"{where}.{field.name}" if where else field.name
        if field.name in value:
            arguments[field.name] = _convert(hints[field.name], value[field.name], place)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise Malformed(f"{place}: missing")
    return target(**arguments)


@cache
def _hints(target: Any) -> dict[str, Any]:
    return typing.get_type_hints(target)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if origin in (tuple, list):
        listed = _of(list, value or [], where)
        items = [_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(listed)]
        return tuple(items) if origin is tuple else items
    if origin is dict:
        fields = _of(dict, value or {}, where)
        return {key: _convert(arguments[1], item, f"{where}.{key}") for key, item in fields.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return decode(hint, value, where)
    return value


def _of(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a list"
        raise Malformed(f"{where}: expected {wanted}, got {type(value).__name__}")
    return value
