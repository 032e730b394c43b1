"""Why an identity is not given."""

from __future__ import annotations

from typing import Literal, TypeAlias

# invalid: the request is wrong in itself. unauthenticated: nothing was proved. denied: something else was proved.
# precondition: right, but not now. internal: our own files are not as they must be.
Reason: TypeAlias = Literal["invalid", "unauthenticated", "denied", "precondition", "internal"]


class IdentityError(Exception):
    """Says who, what, and what next; never a secret."""

    def __init__(self, reason: Reason, message: str, hint: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.hint = hint
