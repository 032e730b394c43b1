import pytest

from weft.cli.names import split_reference


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("service", "a"), ("service", "a")),
        (("service/a", None), ("service", "a")),
        (("service", None), ("service", None)),
        ((None, None), (None, None)),
    ],
)
def test_one_word_is_as_good_as_two(
    given: tuple[str | None, str | None], expected: tuple[str | None, str | None]
) -> None:
    assert split_reference(*given) == expected
