"""Kinds as people type them: "services", "httproute", "AccessPolicies"."""

from __future__ import annotations

from weft.cli.failure import usage


def kind_named(text: str) -> str:
    """The kind's proper name; what there is no kind for is wrong usage."""
    from weft.resources.kinds import KINDS
    from weft.resources.problem import did_you_mean

    known = {form: kind for kind in KINDS for form in _forms(kind.lower())}
    found = known.get(text.lower())
    if found is None:
        usage(f"there is no kind {text!r}", did_you_mean(text, KINDS))
    return found


def _forms(kind: str) -> tuple[str, ...]:
    if kind.endswith("y"):
        return kind, f"{kind[:-1]}ies"
    return kind, f"{kind}es" if kind.endswith("sh") else f"{kind}s"
