"""The one place where Python asks the Rust core: bytes and small values across, plain Python values back."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def _core() -> ModuleType:
    # Not at the top: types and parsing are of use where the extension is not built yet.
    return import_module("weft._core")


def check(kind: str, content: bytes) -> str | None:
    """Why the core would not take this message; None: it takes it."""
    reason: str | None = _core().check(kind, content)
    return reason


def tables() -> str:
    """The pipeline's declarations, as JSON."""
    text: str = _core().tables()
    return text


def capabilities() -> frozenset[str]:
    """What this build understands."""
    return frozenset(_core().capabilities())
