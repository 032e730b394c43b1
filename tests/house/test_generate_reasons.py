import re

from tools.generate_reasons import PAGE, SOURCE, page


def test_the_page_is_what_the_core_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(SOURCE.read_text(encoding="utf-8")), "run `make docs`"


def test_no_reason_is_lost_on_the_way() -> None:
    source = SOURCE.read_text(encoding="utf-8")
    declared = re.findall(r'^    [A-Z]\w+ "([a-z-]+)"', source, re.MULTILINE)
    assert len(declared) > 20
    assert re.findall(r"^\| `([a-z-]+)`", page(source), re.MULTILINE) == declared
