"""The OpenAPI document."""

from __future__ import annotations

from weft.controller.openapi import Described, document
from weft.controller.rest_resources import ApplyBody


def test_paths_queries_and_bodies_are_described() -> None:
    made = document(
        [
            Described("GET", "/v1/things/{kind}/{name}", "One thing", ("at",)),
            Described("POST", "/v1/apply", "Apply", (), ApplyBody),
        ]
    )
    get = made["paths"]["/v1/things/{kind}/{name}"]["get"]
    assert [(one["name"], one["in"]) for one in get["parameters"]] == [
        ("kind", "path"),
        ("name", "path"),
        ("at", "query"),
    ]
    body = made["paths"]["/v1/apply"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/ApplyBody"}
    assert made["components"]["schemas"]["ApplyBody"]["additionalProperties"] is False
    ids = [each["operationId"] for methods in made["paths"].values() for each in methods.values()]
    assert len(set(ids)) == len(ids)
