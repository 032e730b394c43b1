"""Two clocks."""

from __future__ import annotations

import pytest

from weft.identity.clocks import compare
from weft.identity.errors import IdentityError

DAY = 86_400.0


@pytest.mark.parametrize(
    ("theirs", "life", "expected"),
    [
        (0.0, DAY, ""),
        (1e6 + 30, DAY, ""),
        (1e6 - 90, DAY, "the clock of default/a is 90 s behind the controller's"),
        (1e6 + 3600, DAY, "the clock of default/a is 60 min ahead of the controller's"),
    ],
)
def test_a_small_difference_passes_and_a_larger_one_is_told(theirs: float, life: float, expected: str) -> None:
    assert compare(theirs, 1e6, life, "default/a") == expected


@pytest.mark.parametrize(
    ("theirs", "life", "message"),
    [
        (1e6 - 1380, DAY, "23 min behind the controller's: its certificate would not be valid there yet"),
        (1e6 + DAY, DAY, r"24.0 h ahead of the controller's: its certificate would soon be expired"),
        (1e6 + 20, 30.0, "20 s ahead"),
    ],
)
def test_a_certificate_that_would_not_be_valid_there_is_not_made(theirs: float, life: float, message: str) -> None:
    with pytest.raises(IdentityError, match=message) as caught:
        compare(theirs, 1e6, life, "default/a")
    assert caught.value.reason == "precondition" and "clock" in caught.value.hint
