"""From a rule id to the file and line where it was written."""

from __future__ import annotations

from weft.compiler.model import Compiled
from weft.resources.httproute import HTTPRoute
from weft.resources.ref import Origin, Ref


def origin_of(compiled: Compiled, rule_id: str) -> Origin | None:
    """Of "HTTPRoute/default/reviews/canary" the line of that rule; None: not written by anybody, or not any more."""
    try:
        ref = Ref.parse(rule_id)
    except ValueError:
        return None  # "default": what holds where nobody said anything
    stored = compiled.snapshot.resources.get(ref)
    if stored is None or stored.resource.origin is None:
        return None
    rule = rule_id.removeprefix(str(ref)).removeprefix("/")
    if isinstance(stored.resource, HTTPRoute):
        names = [stored.resource.rule_id(n) for n in range(len(stored.resource.spec.rules))]
        rule = str(names.index(rule_id)) if rule_id in names else rule
    return stored.resource.origin.of_rule(int(rule)) if rule.isdigit() else stored.resource.origin
