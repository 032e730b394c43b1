from typing import Any

import pytest

from weft.init.compose_shapes import misshapen


@pytest.mark.parametrize(
    ("field", "value", "odd"),
    [
        ("environment", "A=1", ("is not a list or a mapping", "environment: {NAME: value}")),
        ("scale", True, ("is not a number or a string", "scale: 2")),
        ("ports", "8080:80", ("is not a list", 'ports: ["8080:80"]')),
        ("ports", ["8080:80"], None),
        ("ports", None, None),
        ("cap_add", 5, None),
    ],
)
def test_what_cannot_be_guessed_at_says_how_it_is_written(field: str, value: Any, odd: tuple[str, str] | None) -> None:
    assert misshapen(field, value) == odd
