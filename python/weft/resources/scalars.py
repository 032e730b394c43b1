"""Plain scalars by YAML 1.2's core schema, not by PyYAML's 1.1.

In 1.1 `no` is False, `010` is eight and `12:30:45` a number in base sixty: a country code, a version label and a time
of day, each changed without a word. In 1.2 all three of `no`, `12:30:45` and `1_000` are strings (YAML 1.2.2, 10.3.2).
"""

from __future__ import annotations

import re
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBER_START = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?[0-9]+")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = {".inf", ".Inf", ".INF"}
_NAN = {".nan", ".NaN", ".NAN"}

# Python's int() is quadratic in digits; no field of ours needs more than 64 bits.
MAX_DIGITS = 20


def plain(text: str) -> Scalar:
    """The value of an unquoted, untagged scalar."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in _NUMBER_START or len(text) > MAX_DIGITS:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if _INT.fullmatch(text):
        return int(text, 10)
    if _OCT.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text.lstrip("+-") in _INF:
        return float("-inf" if text[0] == "-" else "inf")
    return float("nan") if text in _NAN else text


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit core tag; raises ValueError for any other tag or an unfit value."""
    name = tag.removeprefix("tag:yaml.org,2002:")
    if name == "str":
        return text
    wanted = {"int": int, "float": float, "bool": bool, "null": type(None)}.get(name)
    value = plain(text)
    if wanted is float and type(value) is int:
        value = float(value)
    if wanted is None or type(value) is not wanted:
        raise ValueError(f"{text!r} is not a value of tag !!{name}" if wanted else f"unknown tag {tag!r}")
    return value
