"""The base of everything that users write."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from weft.resources.ref import Origin, Ref


class Model(BaseModel):
    """camelCase in YAML, snake_case in Python; unknown fields are errors; values are immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, validate_default=False
    )


class Metadata(Model):
    name: str
    namespace: str = "default"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Resource(Model):
    """One resource: `apiVersion`, `kind`, `metadata`, and the kind's own `spec`."""

    KIND: ClassVar[str] = ""
    API_VERSIONS: ClassVar[tuple[str, ...]] = ()

    api_version: str = ""
    kind: str = ""
    metadata: Metadata
    spec: Any
    # Where it was written. Never compared between two resources, never part of a program.
    origin: Origin | None = Field(default=None, exclude=True, repr=False)

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.metadata.namespace, self.metadata.name)

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    def to_dict(self) -> dict[str, Any]:
        """As in YAML, without what was not set; `parse_document(resource.to_dict(), origin)` gives it back."""
        return self.model_dump(by_alias=True, exclude_unset=True, mode="json")
