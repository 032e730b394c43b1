"""The base of everything that users write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SkipValidation
from pydantic.alias_generators import to_camel

from weft.resources.ref import Origin, Ref
from weft.resources.types import DnsLabel, DnsName


class Model(BaseModel):
    """camelCase in YAML, snake_case in Python; unknown fields are errors; values are immutable."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    # Fields of the standard that we know and do not do: their error says so, instead of "unknown".
    NOT_YET: ClassVar[frozenset[str]] = frozenset()
    # Words of other tools, and what to write here instead of each.
    INSTEAD: ClassVar[Mapping[str, str]] = {}


class Metadata(Model):
    name: DnsName
    namespace: DnsLabel = "default"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Resource(Model):
    """One resource: `apiVersion`, `kind`, `metadata`, and the kind's own `spec`."""

    KIND: ClassVar[str] = ""
    # The first is the one that is written.
    API_VERSIONS: ClassVar[tuple[str, ...]] = ()

    api_version: str = ""
    kind: str = ""
    metadata: Metadata
    spec: Any
    # Where it was written. Never compared between two resources, never part of a program.
    origin: Annotated[Origin | None, SkipValidation] = Field(default=None, exclude=True, repr=False)

    @property
    def ref(self) -> Ref:
        return Ref(self.KIND, self.metadata.namespace, self.metadata.name)

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def full_name(self) -> str:
        """ "<namespace>/<name>" """
        return f"{self.metadata.namespace}/{self.metadata.name}"

    def to_dict(self) -> dict[str, Any]:
        """As in YAML, without what was not set; `parse_document(resource.to_dict(), origin)` gives it back."""
        head = {"apiVersion": self.API_VERSIONS[0], "kind": self.KIND}
        return head | self.model_dump(
            by_alias=True, exclude_unset=True, exclude={"api_version", "kind", "origin"}, mode="json"
        )

    def same_intent(self, other: Resource) -> bool:
        """True when nothing but the place differs."""
        return type(self) is type(other) and self.metadata == other.metadata and self.spec == other.spec
