"""Names of resources, and where they were written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Ref(NamedTuple):
    """One resource, by name: `str(ref)` is "Kind/namespace/name".

    A tuple because it is hashed more than anything else: a compile from cold takes a tenth less than with a dataclass.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """The inverse of `str`; what follows the name (a rule id's "/0") is ignored."""
        parts = text.split("/")
        if len(parts) < 3 or not all(parts[:3]):
            raise ValueError(f"not a reference: {text!r} (expected Kind/namespace/name)")
        return cls(*parts[:3])


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a resource was written. Lines and columns count from 1; 0 means unknown.

    Never part of a program: a comment that moves a rule down moves no proxy.
    """

    file: str
    line: int = 0
    column: int = 0
    # The line of each entry of `spec.rules`, so that "HTTPRoute/default/reviews/2" resolves to its own line.
    rules: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"

    def of_rule(self, index: int) -> Origin:
        """The origin of one rule; of the whole resource where the rule's line is not known."""
        if 0 <= index < len(self.rules) and self.rules[index]:
            return Origin(self.file, self.rules[index])
        return self
