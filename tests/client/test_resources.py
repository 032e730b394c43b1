"""Resources, as the controller tells of them."""

import pytest

from weft.client.resources import Origin, Problem


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
