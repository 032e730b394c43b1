"""The OpenAPI document of REST: bodies from their models, paths and answers from the route table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from weft import __version__


@dataclass(frozen=True, slots=True)
class Described:
    """One route, for people and for generators of clients."""

    method: str
    path: str
    summary: str
    query: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    media_type: str = "application/json"


def document(routes: Iterable[Described]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Error": _ERROR}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "weft controller", "version": __version__, "description": "See weft.controller.rest."},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # On loopback the controller's own user needs none.
        "security": [{}, {"token": []}],
    }


def _operation(route: Described, schemas: dict[str, Any]) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", route.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query]
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "parameters": parameters,
        "responses": {
            "200": {"description": "as the summary says", "content": {route.media_type: {"schema": {}}}},
            "default": {
                "description": "what is wrong, and what to do",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(route.body, schemas)}},
        }
    return operation


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}", by_alias=True)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return {"$ref": f"#/components/schemas/{model.__name__}"}


_ERROR = {
    "type": "object",
    "required": ["error", "hint", "problems"],
    "properties": {
        "error": {"type": "string"},
        "hint": {"type": ["string", "null"]},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "message": {"type": "string"},
                    "hint": {"type": ["string", "null"]},
                    "ref": {"type": ["string", "null"]},
                    "field": {"type": ["string", "null"]},
                    "origin": {"type": ["object", "null"]},
                    "severity": {"enum": ["error", "warning"]},
                },
            },
        },
    },
}
