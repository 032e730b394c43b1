from dataclasses import dataclass, field
from typing import Any

import pytest

from weft.client.decode import Malformed, decode


@dataclass(frozen=True)
class Leaf:
    name: str
    size: int = 0


@dataclass(frozen=True)
class Tree:
    name: str
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    named: dict[str, Leaf] = field(default_factory=dict)
    rate: float | None = None
    raw: dict[str, Any] = field(default_factory=dict)


def test_nested_values_become_their_types() -> None:
    given = {
        "name": "t",
        "leaf": {"name": "a"},
        "leaves": [{"name": "b", "size": 2}],
        "named": {"c": {"name": "c"}},
        "rate": 0.5,
        "raw": {"any": ["thing"]},
    }
    expected = Tree("t", Leaf("a"), (Leaf("b", 2),), {"c": Leaf("c")}, 0.5, {"any": ["thing"]})
    assert decode(Tree, given) == expected


def test_null_is_empty() -> None:
    assert decode(Tree, {"name": "t", "leaf": None, "leaves": None, "named": None}) == Tree("t")


def test_fields_of_a_newer_controller_are_ignored() -> None:
    assert decode(Leaf, {"name": "a", "colour": "green"}) == Leaf("a")


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "name: missing"),
        ({"name": "t", "leaves": [{"name": "a"}, {}]}, r"leaves\[1\].name: missing"),
        ({"name": "t", "named": {"c": {}}}, "named.c.name: missing"),
        ({"name": "t", "leaf": 1}, "leaf: expected an object, got int"),
        ({"name": "t", "leaves": {"a": 1}}, "leaves: expected a list, got dict"),
        ({"name": "t", "named": [1]}, "named: expected an object, got list"),
        ([], "Tree: expected an object, got list"),
    ],
)
def test_what_cannot_be_read_is_named(given: Any, place: str) -> None:
    with pytest.raises(Malformed, match=place):
        decode(Tree, given)
