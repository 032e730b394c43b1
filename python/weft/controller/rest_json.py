"""Bodies, queries and errors of REST."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from weft.compiler.model import Condition
from weft.resources.problem import Problem
from weft.resources.ref import Origin, Ref
from weft.store.model import Record

B = TypeVar("B", bound=BaseModel)

# A route's deepest field stands at 12. Each level costs stack, here and in the compiler's process.
MAX_DEPTH = 64


class Body(BaseModel):
    """A request's body: an unknown field is a mistake, and said so."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ApiError(Exception):
    """Becomes {"error", "hint", "problems"}."""

    def __init__(self, status: int, error: str, hint: str | None = None, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.status, self.hint, self.more = status, hint, more or {}

    def response(self) -> JSONResponse:
        content = {"error": str(self), "hint": self.hint, "problems": [], **self.more}
        return JSONResponse(content, self.status)


async def body_of(request: Request, model: type[B]) -> B:
    try:
        content = await request.body()
        value = json.loads(content)
        _check(value, content)
        return model.model_validate(value)
    except (ValueError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            raise ApiError(400, "the body is not JSON", str(error)) from error
        found = [{"message": each["msg"], "field": ".".join(map(str, each["loc"]))} for each in error.errors()]
        problems = [{**problem_defaults(), **each} for each in found]
        raise ApiError(400, "the body is wrong", "see /openapi.json", {"problems": problems}) from error
    except ClientDisconnect as error:
        raise ApiError(413, "the body is too large, or did not come in time", "apply in several parts") from error


def _check(value: Any, content: bytes) -> None:
    """What JSON allows and nothing behind us can keep."""
    # Half of a surrogate pair can only be written as an escape.
    if b"\\ud" in content or b"\\uD" in content:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ApiError(400, "a text in the body is not Unicode", "write characters, not halves of one") from error
    level, depth = [value] if isinstance(value, dict | list) else [], 0
    while level:
        if depth > MAX_DEPTH:
            raise ApiError(400, f"the body is nested more than {MAX_DEPTH} levels deep", "no resource is")
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [found for values in inner for found in values if isinstance(found, dict | list)]
        depth += 1


def number(request: Request, name: str, default: float, low: float, high: float) -> float:
    text = request.query_params.get(name)
    try:
        value = float(text) if text else default
    except ValueError:
        raise ApiError(400, f"{name} is not a number: {text!r}") from None
    if not low <= value <= high:
        raise ApiError(400, f"{name} must be {low:g} to {high:g}, not {value:g}")
    return value


def ref_of(request: Request) -> Ref:
    path = request.path_params
    return Ref(path["kind"], path["namespace"], path["name"])


def problem_defaults() -> dict[str, Any]:
    return {"message": "", "hint": None, "ref": None, "field": None, "origin": None, "severity": "error"}


def problem_json(problem: Problem) -> dict[str, Any]:
    origin = Origin(problem.file, problem.line, problem.column) if problem.file else None
    return {
        "message": f"{problem.what}: {problem.why}" if problem.why else problem.what,
        "hint": problem.hint or None,
        "ref": str(problem.ref) if problem.ref else None,
        "field": problem.field or None,
        "origin": origin_json(origin),
        "severity": problem.severity,
    }


def origin_json(origin: Origin | None) -> dict[str, Any] | None:
    if origin is None:
        return None
    return {"file": origin.file, "line": origin.line, "column": origin.column, "rules": list(origin.rules)}


def record_json(record: Record) -> dict[str, Any]:
    return {
        "ref": str(record.ref),
        "revision": record.revision,
        "generation": record.generation,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "owner": record.owner,
        "origin": origin_json(record.origin),
        "document": record.document,
    }


def condition_json(condition: Condition) -> dict[str, str]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
    }


def names_of(ref: Ref) -> dict[str, str | None]:
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def matching(request: Request, names: Sequence[str], value: Mapping[str, str | None]) -> bool:
    """Whether `value` has what the query asks for; a name that is not in the query asks for nothing."""
    query = request.query_params
    return all(not query.get(name) or query[name] == value.get(name) for name in names)
