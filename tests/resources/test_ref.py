import pytest

from weft.resources import Origin, Ref


def test_a_ref_reads_back_from_its_text():
    ref = Ref("HTTPRoute", "default", "reviews")
    assert str(ref) == "HTTPRoute/default/reviews"
    assert Ref.parse(str(ref)) == ref


def test_a_rule_id_names_its_resource():
    assert Ref.parse("HTTPRoute/default/reviews/2") == Ref("HTTPRoute", "default", "reviews")


@pytest.mark.parametrize("text", ["", "Service", "Service/a", "Service//a", "/a/b"])
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(ValueError, match="Kind/namespace/name"):
        Ref.parse(text)


@pytest.mark.parametrize(
    ("origin", "text"),
    [(Origin("a.yaml"), "a.yaml"), (Origin("a.yaml", 3), "a.yaml:3"), (Origin("a.yaml", 3, 5), "a.yaml:3:5")],
)
def test_an_origin_says_what_is_known(origin, text):
    assert str(origin) == text


def test_a_rule_has_its_own_line_and_falls_back_to_the_resource():
    origin = Origin("a.yaml", 1, 1, (9, 0))
    assert str(origin.of_rule(0)) == "a.yaml:9"
    assert origin.of_rule(1) is origin
    assert origin.of_rule(7) is origin
