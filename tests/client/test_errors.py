import pytest

from weft.client.errors import ControllerUnreachable, MeshError, NotFound, WeftError
from weft.client.types import Problem


def test_an_error_is_its_message_and_knows_what_to_do() -> None:
    error = MeshError("it broke", "mend it", (Problem("bad"),), 422)
    assert str(error) == error.message == "it broke"
    assert (error.hint, error.status, error.problems[0].message) == ("mend it", 422, "bad")


@pytest.mark.parametrize("kind", [ControllerUnreachable, NotFound, MeshError])
def test_all_can_be_caught_as_one(kind: type[MeshError]) -> None:
    with pytest.raises(WeftError):
        raise kind("it broke")
