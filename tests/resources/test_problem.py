import pytest

from weft.resources import Origin, Problem
from weft.resources.problem import Problems, did_you_mean


def test_it_reads_as_a_compiler_error():
    problem = Problem("a.yaml", 3, 5, "unknown field", "because", "remove it")
    assert str(problem) == "error: a.yaml:3:5: unknown field: because\n\nhint: remove it"


def test_what_is_not_known_is_left_out():
    assert str(Problem("", 0, 0, "wrong")) == "error: wrong"
    assert str(Problem("-", 0, 0, "odd", severity="warning")) == "warning: -: odd"
    assert Problem.at(None, "wrong").place == ""


def test_it_takes_the_place_of_an_origin():
    assert Problem.at(Origin("a.yaml", 3, 5), "wrong").place == "a.yaml:3:5"


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("matchs", ("matches", "filters"), 'did you mean "matches"?'),
        ("HTTPROUTE", ("HTTPRoute",), 'did you mean "HTTPRoute"?'),
        ("zzz", ("a", "b"), "known here: a, b"),
        ("zzz", (), ""),
        ("default/web", ("default/wbe", "shop/web"), 'did you mean "default/wbe"?'),
        ("Service/default/b", ("Service/default/ratings",), "known here: Service/default/ratings"),
        ("zzz", [f"k{n}" for n in range(21)], ""),
    ],
)
def test_a_suggestion_is_near_or_a_short_list(word, known, hint):
    assert did_you_mean(word, known) == hint


def test_several_problems_travel_as_one_error():
    error = Problems([Problem("a", 1, 1, "x"), Problem("a", 2, 1, "y")])
    assert len(error.problems) == 2
    assert "a:2:1: y" in str(error)
