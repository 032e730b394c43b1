"""`Mesh`: what holds for all of it. There is one, named `mesh`; without it every default stands."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from weft.resources.base import Model, Resource
from weft.resources.types import DnsLabel, DnsName, wrong

MESH_NAME = "mesh"


class MeshMtls(Model):
    """Strict: callers without an identity are refused. A port's or service's own mode stands above these."""

    # For all namespaces that are not named below.
    mode: Literal["permissive", "strict"] = "permissive"
    # By name.
    namespaces: dict[DnsLabel, Literal["permissive", "strict"]] = Field(default_factory=dict)


class MeshAccess(Model):
    # For workloads that no Allow covers.
    default: Literal["allow", "deny"] = "allow"


class MeshSpec(Model):
    # Whether callers need an identity.
    mtls: MeshMtls = MeshMtls()
    # Who may call where no policy says.
    access: MeshAccess = MeshAccess()
    # Destinations that are no service: passed through, or refused.
    egress: Literal["allow", "refuse"] = "allow"
    # "<service>.<namespace>.<suffix>" is a name of the mesh.
    suffixes: tuple[DnsName, ...] = Field(default=("mesh",), min_length=1, max_length=8)
    # Which requests proxies write a line about.
    access_log: Literal["errors", "off", "all"] = "errors"


class Mesh(Resource):
    KIND = "Mesh"
    API_VERSIONS = ("weft/v1",)

    spec: MeshSpec = MeshSpec()

    @model_validator(mode="after")
    def _is_the_one(self) -> Mesh:
        if (self.metadata.namespace, self.metadata.name) != ("default", MESH_NAME):
            raise wrong("there is one Mesh, default/mesh", f"metadata: {{name: {MESH_NAME}}}")
        return self
