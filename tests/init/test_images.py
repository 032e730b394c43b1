import pytest

from weft.init.images import short


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("postgres", "postgres"),
        ("docker.io/library/postgres:16-alpine", "postgres"),
        ("registry.example.com:5000/a/Redis@sha256:ab", "redis"),
        ("", ""),
    ],
)
def test_an_image_is_known_by_its_last_name(image: str, name: str) -> None:
    assert short(image) == name
