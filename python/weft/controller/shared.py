"""Capability sets, shared: a thousand proxies of one version have one set between them, not 64 strings each."""

from __future__ import annotations

import sys
from collections.abc import Iterable

# As many different sets as there are builds of proxies around at once, and then some.
MAX_SETS = 256

_sets: dict[frozenset[str], frozenset[str]] = {}


def capability_set(names: Iterable[str]) -> frozenset[str]:
    found = frozenset(names)
    known = _sets.get(found)
    if known is not None:
        return known
    if len(_sets) >= MAX_SETS:
        _sets.clear()
    kept = frozenset(sys.intern(name) for name in found)
    _sets[kept] = kept
    return kept
