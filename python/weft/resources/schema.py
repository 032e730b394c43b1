"""The JSON Schema of a weft.yaml, for editors: made from the very models that read the file.

What is between fields (one of `run` and `command`) or between services is not in it; `weft validate` says that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from weft.resources.descriptions import DESCRIPTIONS
from weft.resources.types import duration_text
from weft.resources.weftfile import WeftFile

# Draft 7: the newest that the language servers of all common editors know whole.
DIALECT = "http://json-schema.org/draft-07/schema#"
# Any value may be, or contain, a variable; it is a number or a word of a list once it has been put in.
VARIABLE = {"$ref": "#/$defs/Variable"}
_VARIABLE = {"type": "string", "pattern": r"\$\{", "description": "${NAME}, ${NAME:-default} or ${NAME:?message}"}


def schema(model: type[BaseModel] = WeftFile) -> dict[str, Any]:
    """Of a whole file. A field that is added to a model is in it without anybody's doing."""
    made = model.model_json_schema()
    inner = {name: _model(name, each) for name, each in made.pop("$defs", {}).items()}
    head = {"$schema": DIALECT, "title": "weft.yaml"}
    return {**head, **_model(model.__name__, made), "$defs": {**inner, "Variable": _VARIABLE}}


def _model(name: str, made: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field: _field(name, field, each) for field, each in made["properties"].items()}
    kept = {key: value for key, value in made.items() if key not in ("properties", "title")}
    return {**kept, "properties": fields}


def _field(model: str, name: str, made: Mapping[str, Any]) -> dict[str, Any]:
    said = DESCRIPTIONS.get(model, {}).get(name) or made.get("description")
    default = made.get("default")
    if isinstance(default, int) and made.get("type") == "string":
        default = duration_text(default)  # in Python a number of milliseconds
    inner = {key: value for key, value in made.items() if key not in ("title", "description", "default")}
    return {
        **({"description": said} if said else {}),
        # Nothing, and what is empty, is what one expects anyway.
        **({"default": default} if default not in (None, "", []) else {}),
        **_variable(inner),
    }


def _variable(made: Any) -> Any:
    """The same, and a variable wherever a value stands that is more than any string."""
    if isinstance(made, list):
        return [_variable(each) for each in made]
    if not isinstance(made, Mapping):
        return made
    if _choosy(made):
        return {"anyOf": [dict(made), VARIABLE]}
    choices = made.get("anyOf", [])
    if {"type": "string"} in choices:
        return made  # any string is
    if any(map(_choosy, choices)):
        # Once for all of them, not once for each.
        every = [each if _choosy(each) else _variable(each) for each in choices]
        return {**made, "anyOf": [*every, VARIABLE]}
    # Names of fields and of services are no values.
    return {key: each if key == "propertyNames" else _variable(each) for key, each in _named(made).items()}


def _named(made: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where keys have a pattern, pydantic lets all others have any value: here they are wrong."""
    if "patternProperties" not in made:
        return made
    ((pattern, values),) = made["patternProperties"].items()
    others = {key: each for key, each in made.items() if key != "patternProperties"}
    names = {**made.get("propertyNames", {}), "pattern": pattern}
    return {**others, "additionalProperties": values, "propertyNames": names}


def _choosy(made: Mapping[str, Any]) -> bool:
    scalar = made.get("type") in ("integer", "number", "boolean", "string")
    return scalar and (made["type"] != "string" or not made.keys().isdisjoint(("enum", "const", "pattern")))
