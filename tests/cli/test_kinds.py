import pytest

from weft.cli.failure import Failure
from weft.cli.kinds import kind_named


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("Service", "Service"),
        ("services", "Service"),
        ("httproute", "HTTPRoute"),
        ("HTTPRoutes", "HTTPRoute"),
        ("accesspolicies", "AccessPolicy"),
        ("trafficpolicy", "TrafficPolicy"),
        ("mesh", "Mesh"),
        ("meshes", "Mesh"),
    ],
)
def test_kinds_are_found_as_people_type_them(typed: str, kind: str) -> None:
    assert kind_named(typed) == kind


def test_an_unknown_kind_is_answered_with_a_near_one() -> None:
    with pytest.raises(Failure, match="there is no kind 'servces'") as caught:
        kind_named("servces")
    assert caught.value.hint == 'did you mean "Service"?'
