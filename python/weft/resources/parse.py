"""A document to a typed resource, or to problems with line and column.

Pydantic says what is wrong at which path; the tree from `reader.py` knows where that path stands; here the two meet and
become sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from weft.resources.base import Resource
from weft.resources.kinds import KINDS, NOT_YET
from weft.resources.problem import Problem, Problems, did_you_mean
from weft.resources.reader import Loc, Node
from weft.resources.ref import Origin

_TOP = ("apiVersion", "kind", "metadata", "spec")
# What Kubernetes writes into objects and `kubectl get -o yaml` shows: read past, so that such output can be applied.
_KUBERNETES_METADATA = (
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)


def parse_document(document: Mapping[str, Any], origin: Origin | None = None) -> Resource:
    """One resource from plain values (JSON, the store); raises `Problems`."""
    resource, problems = parse_value(document, origin or Origin("<input>"), None)
    if resource is None:
        raise Problems(problems)
    return resource


def parse_node(node: Node, file: str) -> tuple[Resource | None, list[Problem]]:
    """One resource from a document of a file."""
    return parse_value(node.value, Origin(file, node.line, node.column), node)


def parse_value(value: Any, origin: Origin, node: Node | None) -> tuple[Resource | None, list[Problem]]:
    model, problem = _model_of(value, origin, node)
    if model is None:
        return None, [problem] if problem else []
    try:
        resource = model.model_validate(_without_kubernetes(value))
    except ValidationError as error:
        return None, problems_of(error, model, origin, node)
    return resource.model_copy(update={"origin": _with_rules(origin, node)}), []


def _model_of(value: Any, origin: Origin, node: Node | None) -> tuple[type[Resource] | None, Problem | None]:
    if not isinstance(value, Mapping):
        why = f"this is {_type_name(value)}"
        return None, Problem.at(origin, "a resource is a mapping", why, "it begins with apiVersion: and kind:")
    kind, version = value.get("kind"), value.get("apiVersion")
    if kind is None:
        return None, Problem.at(origin, "kind is missing", hint=f"one of {', '.join(KINDS)}")
    place = _place(origin, node, ("kind",))
    if isinstance(kind, str) and kind in NOT_YET:
        return None, Problem.at(place, f"not supported yet: {kind}", hint=f"kinds: {', '.join(KINDS)}")
    if not isinstance(kind, str) or kind not in KINDS:
        return None, Problem.at(place, f'there is no kind "{kind}"', hint=did_you_mean(str(kind), KINDS))
    model = KINDS[kind]
    if version not in model.API_VERSIONS:
        what = f'{kind} has no apiVersion "{version}"' if version else "apiVersion is missing"
        return None, Problem.at(_place(origin, node, ("apiVersion",)), what, hint=f"write {model.API_VERSIONS[0]}")
    return model, None


def _without_kubernetes(value: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in value.items() if k != "status"}
    if isinstance(kept.get("metadata"), Mapping):
        kept["metadata"] = {k: v for k, v in kept["metadata"].items() if k not in _KUBERNETES_METADATA}
    return kept


def _with_rules(origin: Origin, node: Node | None) -> Origin:
    rules = node.find(("spec", "rules")) if node else None
    return Origin(origin.file, origin.line, origin.column, tuple(r.line for r in rules.items)) if rules else origin


def _place(origin: Origin, node: Node | None, loc: Loc, *, key: bool = False) -> Origin:
    if node is None:
        return origin
    return Origin(origin.file, *(node.at_key(loc) if key else node.at(loc)))


def problems_of(error: ValidationError, model: type[BaseModel], origin: Origin, node: Node | None) -> list[Problem]:
    """Every error as a problem, in the order of the file."""
    errors = error.errors(include_url=False)
    # A list whose entries are wrong counts as empty for pydantic: "needs at least 1" beside them would mislead.
    inner = {d["loc"][:depth] for d in errors for depth in range(len(d["loc"]))}
    meant = [d for d in errors if not (d["type"] == "too_short" and d["loc"] in inner)]
    problems = [_problem(details, model, origin, node) for details in meant]
    return sorted(problems, key=lambda p: (p.line, p.column))


def _problem(details: ErrorDetails, model: type[BaseModel], origin: Origin, node: Node | None) -> Problem:
    loc, kind = details["loc"], details["type"]
    context = details.get("ctx", {})
    key = kind == "extra_forbidden"
    place = _place(origin, node, loc, key=key)
    path = path_text(loc)
    if key:
        return _unknown_field(place, loc, model)
    if kind == "missing":
        return Problem.at(place, f"{path} is missing", field=path)
    if kind == "weft":
        return Problem.at(place, path or "this resource", str(context["why"]), str(context["hint"]), path)
    if kind == "literal_error":
        return _not_one_of(place, path, details)
    return Problem.at(place, path or "this document", *_sentence(details), path)


def _unknown_field(place: Origin, loc: Loc, model: type[BaseModel]) -> Problem:
    name, parent = str(loc[-1]), path_text(loc[:-1])
    owner = _model_at(model, loc[:-1])
    where = f" in {parent}" if parent else ""
    if owner is not None and name in getattr(owner, "NOT_YET", ()):
        return Problem.at(place, f"not supported yet: {name}{where}", field=path_text(loc))
    instead = getattr(owner, "INSTEAD", {}).get(name)
    if instead is not None:
        return Problem.at(place, f'unknown field "{name}"{where}', hint=instead, field=path_text(loc))
    known = _TOP if not loc[:-1] and issubclass(model, Resource) else field_names(owner)
    return Problem.at(place, f'unknown field "{name}"{where}', hint=did_you_mean(name, known), field=path_text(loc))


def field_names(model: type[BaseModel] | None) -> list[str]:
    return [] if model is None else [f.alias or n for n, f in model.model_fields.items()]


# Python's words, in YAML's.
_BOOLEANS = {"True": "true", "False": "false"}


def _not_one_of(place: Origin, path: str, details: ErrorDetails) -> Problem:
    value = details["input"]
    expected = str(details.get("ctx", {}).get("expected", ""))
    known = [_BOOLEANS.get(e.strip(), e.strip("' ")) for e in expected.replace(" or ", ",").split(",")]
    hint = did_you_mean(value, known) if isinstance(value, str) else f"known here: {', '.join(known)}"
    return Problem.at(place, path, f"{_shown(value)} is not possible", hint, path)


def _sentence(details: ErrorDetails) -> tuple[str, str]:
    """(why, hint) for the errors that pydantic itself finds."""
    value, context = details["input"], details.get("ctx", {})
    if value is None:
        return "is empty", "give it a value or remove it"
    match details["type"]:
        case "string_type":
            return f"{_shown(value)} is {_type_name(value)}, not a string", f'quote it: "{_yaml_word(value)}"'
        case "int_type" | "int_parsing" | "int_from_float":
            quoted = isinstance(value, str) and value.isdecimal()
            return f"{_shown(value)} is not a whole number", "without quotes" if quoted else "digits only"
        case "bool_type" | "bool_parsing":
            return f"{_shown(value)} is neither true nor false", "YAML 1.2: only true and false are"
        case "tuple_type" | "list_type":
            single = isinstance(value, str | int)
            return f"is {_type_name(value)}, not a list", f"write [{value}]" if single else "begin each entry with '- '"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"is {_type_name(value)}, not a mapping", "write its fields as name: value"
        case "greater_than_equal":
            return f"{_shown(value)} is less than {context.get('ge')}", f"{context.get('ge')} or more"
        case "less_than_equal":
            return f"{_shown(value)} is more than {context.get('le')}", f"{context.get('le')} or less"
        case "too_short":
            return f"needs at least {context.get('min_length')} of them", "add one, or remove the field"
        case "too_long":
            return f"has more than {context.get('max_length')} of them", "remove some"
        case "string_too_long":
            return f"is longer than {context.get('max_length')} characters", "shorten it"
        case "string_too_short":
            return "is empty", "give it a value or remove it"
    return details["msg"].lower(), ""


def path_text(loc: Loc) -> str:
    """ "spec.rules[0].matches[1].path" """
    text = ""
    for step in loc:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step != "[key]":
            text += f".{step}" if text else step
    return text


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model whose fields stand at `loc`."""
    current: type[BaseModel] | None = model
    by_name = False
    for step in loc:
        if isinstance(step, int) or current is None:
            continue
        if by_name:  # a key of a mapping that users choose
            by_name = False
            continue
        found = next((f for n, f in current.model_fields.items() if step in (n, f.alias)), None)
        current = _inner_model(found.annotation) if found else None
        by_name = found is not None and get_origin(found.annotation) is dict
    return current


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner_model(argument)
        if inner is not None:
            return inner
    return None


def _type_name(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a mapping"}
    return "empty" if value is None else names.get(type(value), type(value).__name__)


def _shown(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else _yaml_word(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _yaml_word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
