"""What `make newcomer` types is what `weft demo` prints."""

from pathlib import Path

import pytest

from tools.newcomer.__main__ import PAGES, ROOT, Fault, things
from weft.demo.tries import text, tries

SHOP, CONTROLLER = "http://127.0.0.1:8080", "http://127.0.0.1:15080"


def test_all_that_is_printed_is_typed() -> None:
    (_, first), *five = things(text(SHOP, Path("/shop"), CONTROLLER))
    assert first[0] == "cd /shop"
    assert [title for title, _ in five] == [each.title for each in tries(SHOP)]
    assert [typed for _, typed in five] == [[*each.commands, *filter(None, [each.back])] for each in tries(SHOP)]


def test_four_things_are_not_five() -> None:
    printed = text(SHOP, Path("/shop"), CONTROLLER)
    with pytest.raises(Fault, match="not five things"):
        list(things(printed[: printed.index("5. ")]))


def test_its_pages_are_there() -> None:
    assert all((ROOT / page).is_file() for page in PAGES)
