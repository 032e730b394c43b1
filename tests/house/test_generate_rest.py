from tools.generate_rest import PAGE, page
from weft.controller import rest


def test_the_page_is_what_the_routes_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_section_and_route_is_on_it() -> None:
    text = page()
    for section in ("Resources", "State", "Observation", "Identity", "Controller"):
        assert f"\n## {section}\n\n```text\n" in text
    routes = [line.strip() for line in (rest.__doc__ or "").splitlines() if "/v1/" in line]
    assert len(routes) > 25
    assert [route for route in routes if route not in text] == []
