"""Capability sets, shared."""

from weft.controller import shared
from weft.controller.shared import capability_set


def test_equal_sets_are_one_object() -> None:
    names = ["connect.mtls", "route.split"]
    assert capability_set(names) is capability_set(reversed([str(name) for name in names]))
    assert capability_set(names) == {"connect.mtls", "route.split"}


def test_there_is_a_limit_to_what_is_kept() -> None:
    for number in range(3 * shared.MAX_SETS):
        capability_set([str(number)])
    assert len(shared._sets) <= shared.MAX_SETS
