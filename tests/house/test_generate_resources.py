import re

from tools.generate_resources import PAGE, page
from weft.resources.kinds import KINDS


def test_the_page_is_what_the_types_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_kind_is_on_it() -> None:
    assert re.findall(r"^## (\w+)$", page(), re.MULTILINE) == list(KINDS)


def test_every_field_has_a_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| .* \| (.*) \|$", page(), re.MULTILINE)
    assert len(rows) > 120
    assert [field for field, meaning in rows if not meaning] == []


def test_types_defaults_and_bounds_are_what_the_file_is_held_to() -> None:
    text = page()
    for row in (
        "| `outlierDetection` | object | – |",
        "| `baseEjection` | duration | `5s` |",
        "| `window` | duration | `10s` |",
        "| `attempts` | 0 to 20 | `2` |",
        "| `mode` | `permissive` · `strict` | `permissive` |",
        "| `port` | port | required |",
        "| `from` | list | – |",
        "| `statusCode` | `301` · `302` · `303` · `307` · `308` | `302` |",
    ):
        assert row in text
