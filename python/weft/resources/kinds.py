"""The kinds there are, those that we know and do not do yet, and their JSON Schemas."""

from __future__ import annotations

from typing import Any

from weft.resources.accesspolicy import AccessPolicy
from weft.resources.base import Resource
from weft.resources.httproute import HTTPRoute
from weft.resources.mesh import Mesh
from weft.resources.problem import did_you_mean
from weft.resources.service import Service
from weft.resources.trafficpolicy import TrafficPolicy

KINDS: dict[str, type[Resource]] = {k.KIND: k for k in (HTTPRoute, Service, TrafficPolicy, AccessPolicy, Mesh)}
NOT_YET = frozenset(("GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute", "Gateway", "GatewayClass", "ReferenceGrant"))


def json_schema(kind: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of one kind, for editors; raises ValueError with a suggestion for an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}: {did_you_mean(kind, KINDS)}")
    model = KINDS[kind]
    schema = model.model_json_schema(by_alias=True)
    schema["properties"].pop("origin", None)
    schema["properties"]["kind"] = {"const": kind}
    schema["properties"]["apiVersion"] = {"enum": list(model.API_VERSIONS)}
    schema["required"] = ["apiVersion", "kind", "metadata", *(["spec"] if kind != "Mesh" else [])]
    schema["title"] = kind
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
