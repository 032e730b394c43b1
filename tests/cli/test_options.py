import pytest

from weft.cli.options import connect, qualified


@pytest.mark.parametrize(("name", "full"), [("a", "shop/a"), ("other/a", "other/a")])
def test_a_name_with_a_namespace_keeps_it(name: str, full: str) -> None:
    assert qualified(name, "shop") == full


def test_the_controller_is_the_one_named() -> None:
    with connect("192.0.2.1:15080") as mesh:
        assert mesh.address == "http://192.0.2.1:15080"
