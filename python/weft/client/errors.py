"""Errors for people: what went wrong, and what to do about it."""

from __future__ import annotations

from weft.client.types import Problem


class WeftError(Exception):
    def __init__(self, message: str, hint: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        # Of the resources concerned: who, where, what.
        self.problems = problems


class MeshError(WeftError):
    """The controller refused, or what it was to be sent is wrong."""

    def __init__(
        self, message: str, hint: str | None = None, problems: tuple[Problem, ...] = (), status: int | None = None
    ) -> None:
        super().__init__(message, hint, problems)
        # HTTP status of the answer; None: there was none.
        self.status = status


class ControllerUnreachable(MeshError):
    """Nobody answers at the controller's address."""


class NotFound(MeshError):
    """The controller answered 404."""
