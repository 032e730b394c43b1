"""Every page of the dashboard, in a real browser, on a mesh that runs."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import World, free_port
from tests.web.conftest import ROOT, Shop
from tools.screenshots import PICTURES, take

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
EXPLAIN = "explain?from=default%2Fbatch-0&to=default%2Fratings&method=GET&path=%2Fratings%2F1"
# Address below /ui/, and what stands there once it shows something.
PAGES = {
    "graph": "0 % err",
    "services": "2 of 2 healthy",
    "services/default/reviews": "HTTPRoute/default/reviews-versions",
    "workloads": "left",
    "resources": "AccessPolicy/default/ratings-callers",
    EXPLAIN: "403 access-denied",
    "events": "attached",
    "nowhere": "There is no such page",
}
# (width, height): a phone, a laptop, 4K.
SCREENS = ((375, 812), (1280, 800), (3840, 2160))


def opened(page: Any, shop: Shop, path: str) -> Any:
    page.goto(f"{shop.address}/ui/{path}")
    page.get_by_text(PAGES.get(path, ""), exact=False).first.wait_for()
    return page


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_something_and_fits_every_screen(page: Any, shop: Shop, path: str) -> None:
    opened(page, shop, path)
    assert page.locator("h1").count() == 1
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        found = page.evaluate("document.documentElement.scrollWidth")
        assert found <= width, f"{path} is {found} px wide on a screen of {width}"
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_labels_contrast_and_structure_are_what_wcag_asks_for(page: Any, shop: Shop, path: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci in web/ brings it")
    page.emulate_media(color_scheme=scheme)
    opened(page, shop, path)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    tags = json.dumps(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    found = page.evaluate(f"axe.run({{runOnly: {tags}}}).then(found => found.violations)")
    assert [(each["id"], [node["html"] for node in each["nodes"][:3]]) for each in found] == []


def test_no_request_leaves_the_controller(page: Any, shop: Shop) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        opened(page, shop, path)
    assert len(asked) > len(PAGES) and [url for url in asked if not url.startswith(shop.address + "/")] == []


def test_the_root_is_the_graph(page: Any, shop: Shop) -> None:
    page.goto(shop.address)
    page.get_by_role("heading", name="Graph", level=1).wait_for()


def test_the_graph_shows_rates_locks_versions_and_refusals(page: Any, shop: Shop) -> None:
    opened(page, shop, "graph")
    assert page.locator(".label").count() == 4 == page.locator(".label .lock.good").count()
    text = page.locator(".graph").inner_text()
    assert re.search(r"v1 \d+ % · v2 \d+ %", text) and "100 % refused" in text and "/s" in text
    assert page.get_by_role("link", name=re.compile("^reviews 2 of 2 healthy")).count() == 1


# A shop with a link over several columns, one that leads back, and one to itself.
CALLS = """gateway>front front>catalogue front>reviews front>orders front>proposals reviews>ratings proposals>catalogue
    orders>kv catalogue>kv orders>payments front>kv payments>orders ratings>ratings"""


def edge(source: str, destination: str) -> dict[str, Any]:
    ends = {"source": end(source), "destination": end(destination)}
    numbers = {"requests": 60, "failures": 1, "retries": 0, "retries_saved": 0, "connections": 1}
    latency = {"requests_per_second": 1.0, "success_rate": 0.98, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0}
    return {**ends, **numbers, **latency, "tls": "mtls", "protocol": "http", "port": 80, "reasons": {}}


def end(name: str) -> dict[str, str]:
    return {"workload": "", "service": f"default/{name}", "version": ""}


def overlapping(boxes: list[list[float]]) -> list[tuple[list[float], list[float]]]:
    """Pairs of (left, top, right, bottom) that cover each other."""
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    return [(a, b) for a, b in pairs if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]


@pytest.mark.parametrize("size", SCREENS)
def test_no_node_and_no_label_covers_another(page: Any, shop: Shop, size: tuple[int, int]) -> None:
    edges = [edge(*call.split(">")) for call in CALLS.split()]
    stream = f"retry: 60000\n\nevent: edges\ndata: {json.dumps(edges)}\n\n"
    kind = {"content-type": "text/event-stream"}
    page.route("**/v1/stream", lambda route: route.fulfill(status=200, headers=kind, body=stream))
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{shop.address}/ui/graph")
    page.locator(".label").nth(11).wait_for(state="attached")
    boxes = page.evaluate(
        "[...document.querySelectorAll('.node > rect, .label > rect')].map(each => each.getBoundingClientRect())"
        ".map(box => [box.left, box.top, box.right, box.bottom])"
    )
    assert len(boxes) == 9 + 12 and overlapping(boxes) == []


def test_nothing_moves_while_numbers_change(page: Any, shop: Shop) -> None:
    opened(page, shop, "graph")
    places = "[...document.querySelectorAll('.node, .label')].map(each => each.getAttribute('transform'))"
    before, numbers = page.evaluate(places), page.locator("main table").inner_text()
    for _ in range(3):
        page.wait_for_function("text => document.querySelector('main table').innerText !== text", arg=numbers)
        numbers = page.locator("main table").inner_text()
    assert page.evaluate(places) == before and len(before) == 9


def test_a_service_has_signals_endpoints_rules_with_their_lines_and_events(page: Any, shop: Shop) -> None:
    opened(page, shop, "services/default/reviews")
    assert page.locator(".chart").count() == 4
    endpoints = page.get_by_role("table", name="Endpoints")
    assert {"reviews-v1-0", "reviews-v2-0"} <= set(endpoints.inner_text().split())
    rules = page.get_by_role("table", name="Rules for this service")
    row = rules.get_by_role("row").filter(has_text="AccessPolicy/default/reviews-callers").first
    row.get_by_text(re.compile(r"weft\.yaml:\d+")).wait_for()
    for kind in ("HTTPRoute", "AccessPolicy"):  # the one is counted by the callers' proxies, the other by its own
        page.wait_for_function(
            "kind => [...document.querySelectorAll('tr')].some(row => row.innerText.includes(kind) &&"
            " parseInt(row.querySelector('td[data-head=hits]').innerText) > 0)",
            arg=f"{kind}/default/reviews-",
        )


def test_a_name_that_is_no_service_says_so(page: Any, shop: Shop) -> None:
    page.goto(f"{shop.address}/ui/services/default/nobody")
    page.get_by_text("There is no service default/nobody").wait_for()


def test_links_stay_in_the_page_and_back_goes_back(page: Any, shop: Shop) -> None:
    opened(page, shop, "services")
    page.evaluate("window.mark = 1")
    page.get_by_role("link", name="ratings").click()
    page.get_by_role("heading", name="ratings", level=1).wait_for()
    assert page.url.endswith("/ui/services/default/ratings") and page.evaluate("window.mark") == 1
    page.go_back()
    page.get_by_role("heading", name="Services", level=1).wait_for()
    assert "Services" in page.title() or "services" in page.title()


def test_explain_answers_by_keyboard_and_its_address_asks_again(page: Any, shop: Shop) -> None:
    page.goto(f"{shop.address}/ui/explain")
    page.get_by_label("From").focus()
    page.keyboard.type("default/batch-0")
    page.keyboard.press("Tab")
    page.keyboard.type("default/ratings")
    page.keyboard.press("Enter")
    page.get_by_text("403 access-denied").wait_for()
    assert page.get_by_text(re.compile(r"weft\.yaml:\d+")).count() > 0
    page.reload()
    page.get_by_text("403 access-denied").wait_for()
    page.get_by_label("From").fill("default/nobody")
    page.get_by_role("button", name="Explain").click()
    page.get_by_text("nothing is registered as default/nobody").wait_for()


def test_what_the_controller_refuses_is_shown_with_its_hint(page: Any, shop: Shop) -> None:
    refusal = {"error": "the compiler is gone", "hint": "it comes back", "problems": []}
    page.route("**/v1/explain", lambda route: route.fulfill(status=503, json=refusal))
    page.goto(f"{shop.address}/ui/{EXPLAIN}")
    page.get_by_role("alert").get_by_text("the compiler is gone").wait_for()
    page.get_by_text("it comes back").wait_for()


def test_events_are_filtered_and_the_filter_is_in_the_address(page: Any, shop: Shop) -> None:
    opened(page, shop, "events")
    page.get_by_label("Show only").fill("Service/default/web")
    page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    assert "q=Service" in page.url
    page.get_by_label("warnings and errors only").check()
    page.get_by_text("No such event.").wait_for()


def test_keyboard_alone_reaches_content_pages_and_nodes(page: Any, shop: Shop) -> None:
    opened(page, shop, "graph")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("link", name="web 1 of 1 healthy").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="web", level=1).wait_for()
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_controller_that_is_gone_is_said_in_place_and_comes_back(
    page: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("g"), free_port(), free_port(neighbours=2))
    try:
        first = world.controller()
        world.apply(world.service("before"))
        page.goto(f"http://127.0.0.1:{world.rest}/ui/services")
        page.get_by_role("link", name="before").wait_for()
        page.evaluate("window.mark = 1")
        first.kill()
        first.wait()
        page.get_by_role("status").get_by_text("The controller is gone since").wait_for()
        assert page.get_by_role("link", name="before").is_visible()
        world.controller()
        page.get_by_text("live").wait_for()
        assert page.get_by_role("status").inner_text() == ""
        world.apply(world.service("after"))
        page.get_by_role("link", name="after").wait_for()
        assert page.evaluate("window.mark") == 1
    finally:
        world.close()


def test_the_pictures_of_the_docs_can_be_made(browser: Any, shop: Shop, tmp_path: Path) -> None:
    made = [picture.read_bytes()[:24] for picture in take(shop.address, tmp_path, browser)]
    assert all(head[:8] == b"\x89PNG\r\n\x1a\n" for head in made)
    assert [struct.unpack(">I", head[16:20])[0] for head in made] == [width for _, _, _, width, _ in PICTURES]


def test_the_tests_look_at_every_page() -> None:
    named = re.search(r"const PAGES = \[(.*?)\]", Path(ROOT / "web/src/main.tsx").read_text(encoding="utf-8"))
    assert named is not None
    assert set(re.findall(r'"(\w+)"', named[1])) <= {re.split(r"[/?]", path)[0] for path in PAGES}


def test_what_dns_and_files_found_is_shown_with_its_source(page: Any, shop: Shop) -> None:
    file = shop.world.folder / "db.yaml"
    file.write_text("- {address: 127.53.41.1, port: 5432, labels: {version: v9}}\n- {address: '::1', port: 9}\n")
    document = shop.world.service("db", 5432)
    document["spec"]["discovery"] = [{"file": str(file)}]
    shop.world.apply(document)
    try:
        page.goto(f"{shop.address}/ui/services/default/db")
        found = page.get_by_role("table", name="Found by DNS and files")
        found.get_by_role("row").filter(has_text="127.53.41.1:5432").filter(has_text="v9").wait_for()
        assert str(file) in found.inner_text() and "fresh" in found.inner_text()
        file.write_text("- nonsense\n")
        found.get_by_text("stale", exact=False).first.wait_for()
        found.get_by_text("db.yaml:1:3", exact=False).first.wait_for()
    finally:
        with shop.world.mesh() as mesh:
            mesh.delete("Service", "db")
