import dataclasses

import pytest

from weft.client import types
from weft.client.decode import decode
from weft.client.types import Edge, EdgeEnd, Origin, Problem


def test_asdict_gives_the_json_back() -> None:
    edge = Edge(EdgeEnd("default/web"), EdgeEnd("default/reviews", "v1"), tls="mtls", requests=3, classes={"2xx": 3})
    assert decode(Edge, dataclasses.asdict(edge)) == edge


def test_all_are_frozen_dataclasses() -> None:
    values = vars(types).values()
    classes = [value for value in values if isinstance(value, type) and value.__module__ == types.__name__]
    assert len(classes) > 20
    for cls in classes:
        assert cls.__dataclass_params__.frozen, cls  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("origin", "text"),
    [(Origin("a.yaml", 3, 5), "a.yaml:3:5"), (Origin("a.yaml", 3), "a.yaml:3"), (Origin("a.yaml"), "a.yaml")],
)
def test_an_origin_reads_as_file_line_column(origin: Origin, text: str) -> None:
    assert str(origin) == text


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("no such service", origin=Origin("a.yaml", 3)), "a.yaml:3: no such service"),
        (Problem("no such service", ref="HTTPRoute/default/a"), "HTTPRoute/default/a: no such service"),
        (Problem("no such service"), "no such service"),
    ],
)
def test_a_problem_names_its_place(problem: Problem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        (EdgeEnd(), "(unmeshed)"),
        (EdgeEnd("default/web"), "default/web"),
        (EdgeEnd("default/web", "v1"), "default/web v1"),
        (EdgeEnd("default/web", "v1", "default/web-v1-0"), "default/web-v1-0 v1"),
    ],
)
def test_an_end_is_named_as_finely_as_it_is_known(peer: EdgeEnd, text: str) -> None:
    assert str(peer) == text
