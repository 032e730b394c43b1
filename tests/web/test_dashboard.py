"""Every page of the dashboard, in a real browser, on a mesh that runs."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import CALLS, ROOT, Shop
from tools.measure_dashboard import edge
from tools.screenshots import PICTURES, take

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
EXPLAIN = "explain?from=default%2Fintern-0&to=default%2Fratings&method=GET&path=%2Fratings%2Femma"
# Address below /ui/, and what stands there once it shows something.
PAGES = {
    "graph": "refused",
    "graph?around=ratings": "refused",
    "services": "2 of 2 healthy",
    "services/default/reviews": "HTTPRoute/default/reviews-versions",
    "services/default/ratings": "TrafficPolicy/default/ratings-are-flaky",
    "services/default/store": "TCP has connections",
    "workloads": "left",
    "resources": "AccessPolicy/default/ratings-callers",
    EXPLAIN: "403 access-denied",
    "events": "ejected",
    "nowhere": "There is no such page",
}
# A replica whose probe succeeded is let in again, until it has failed again.
AGAIN_MS = 120_000
# (width, height): a phone, tablets, a laptop, 4K.
SCREENS = ((375, 812), (768, 1024), (1024, 768), (1280, 800), (3840, 2160))


def opened(page: Any, shop: Shop, path: str) -> Any:
    page.goto(f"{shop.address}/ui/{path}")
    page.get_by_text(PAGES[path], exact=False).first.wait_for()
    return page


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_something_and_fits_every_screen(page: Any, shop: Shop, path: str) -> None:
    opened(page, shop, path)
    assert page.locator("h1").count() == 1
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        # What is drawn otherwise on a narrow screen is drawn in the next frame.
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    assert page.complaints == []


@pytest.mark.parametrize(
    ("path", "scheme", "width"),
    [("graph", "light", 1280), *((path, *look) for path in PAGES for look in (("light", 375), ("dark", 1280)))],
)
def test_labels_contrast_and_structure_are_what_wcag_asks_for(
    page: Any, shop: Shop, path: str, scheme: str, width: int
) -> None:
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci in web/ brings it")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
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


def test_the_graph_shows_rates_locks_versions_refusals_and_connections(page: Any, shop: Shop) -> None:
    opened(page, shop, "graph")
    assert page.locator(".label").count() >= len(CALLS)
    assert page.locator(".label").count() == page.locator(".label .lock.good").count()
    text = page.locator(".graph").text_content()
    assert re.search(r"v1 \d+ % · v2 \d+ % · v3 \d+ %", text)
    assert "100 % refused" in text and re.search(r"TCP\d.*/s conn\.", text)


def test_on_a_phone_the_graph_is_a_list_of_who_calls_whom(page: Any, shop: Shop) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    opened(page, shop, "graph")
    assert page.locator("svg").count() == 0 and page.locator(".call").count() >= len(CALLS)
    first, *_, last = page.locator(".caller strong").all_inner_texts()
    assert first == "gateway" and last in ("catalogue", "ratings", "store")
    intern = page.locator(".caller").filter(has_text="intern-0").inner_text()
    assert re.search(r"ratings\n?.*mTLS\n100 % refused", intern)
    assert not page.get_by_role("table").is_visible()
    page.get_by_text("All numbers").click()
    assert page.get_by_role("table").is_visible()


def test_the_graph_around_a_service_is_it_with_callers_and_callees(page: Any, shop: Shop) -> None:
    opened(page, shop, "graph")
    page.get_by_label("Around").focus()
    page.keyboard.type("rev")
    names = ".graph .name"
    page.wait_for_function(f"() => document.querySelectorAll('{names}').length === 3")
    assert page.url.endswith("?around=rev")
    page.reload()
    page.locator(names).first.wait_for()
    assert sorted(map(str.strip, page.locator(names).all_text_contents())) == ["ratings", "reviews", "storefront"]
    rows = page.locator("main tbody tr").all_inner_texts()
    assert rows and all("reviews" in row for row in rows)
    page.get_by_label("Around").fill("nobody")
    page.get_by_text("Nothing has “nobody” in its name.").wait_for()


# A shop with a link over several columns, one that leads back, and one to itself.
TANGLED = """gateway>front front>catalogue front>reviews front>orders front>proposals reviews>ratings
    proposals>catalogue orders>kv catalogue>kv orders>payments front>kv payments>orders ratings>ratings"""


def overlapping(boxes: list[list[float]]) -> list[tuple[list[float], list[float]]]:
    """Pairs of (left, top, right, bottom) that cover each other."""
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    return [(a, b) for a, b in pairs if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]


@pytest.mark.parametrize("size", [size for size in SCREENS if size[0] > 900])
def test_no_node_and_no_label_covers_another(page: Any, shop: Shop, size: tuple[int, int]) -> None:
    edges = [edge(*call.split(">")) for call in TANGLED.split()]
    known = {"revision": 1, "compiled_revision": 1, "started_at": 1}
    stream = f"event: revisions\ndata: {json.dumps(known)}\n\nevent: edges\ndata: {json.dumps(edges)}\n\n"
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
    assert page.evaluate(places) == before and len(before) >= len(CALLS)


def test_a_service_has_signals_endpoints_rules_with_their_lines_and_events(page: Any, shop: Shop) -> None:
    opened(page, shop, "services/default/reviews")
    page.locator(".chart").nth(3).wait_for()
    endpoints = page.get_by_role("table", name="Endpoints")
    assert {"reviews-v1-0", "reviews-v2-0", "reviews-v3-0"} <= set(endpoints.inner_text().split())
    rules = page.get_by_role("table", name="Rules for this service")
    row = rules.get_by_role("row").filter(has_text="AccessPolicy/default/reviews-callers").first
    row.get_by_text(re.compile(r"weft\.yaml:\d+")).wait_for()
    for kind in ("HTTPRoute", "AccessPolicy"):  # the one is counted by the callers' proxies, the other by its own
        page.wait_for_function(
            "kind => [...document.querySelectorAll('tr')].some(row => row.innerText.includes(kind) &&"
            " parseInt(row.querySelector('td[data-head=hits]').innerText) > 0)",
            arg=f"{kind}/default/reviews-",
        )


def test_a_replica_that_fails_is_shown_as_ejected_with_the_reason(page: Any, shop: Shop) -> None:
    opened(page, shop, "services/default/ratings")
    rows = page.get_by_role("table", name="Endpoints").get_by_role("row")
    flaky = rows.filter(has_text="ratings-flaky-0").filter(has_text=re.compile(r"! ejected .*; out for \d+"))
    flaky.wait_for(timeout=AGAIN_MS)
    assert rows.filter(has_text=re.compile(r"ratings-v1-\d.*no$")).count() == 2
    said = re.search(r"ejected\s+(.*; out for \d+ ms)", flaky.inner_text())
    assert said is not None
    page.get_by_role("link", name="Events").click()
    page.get_by_label("Show only").fill("ejected")
    event = page.get_by_role("row").filter(has_text="default/ratings-flaky-0").filter(has_text=said[1]).first
    event.wait_for()
    assert "! ejected" in event.inner_text()
    page.get_by_role("link", name="Graph").click()
    page.get_by_role("link", name=re.compile("^ratings 3 of 3 healthy ! 1 ejected ")).wait_for(timeout=AGAIN_MS)


def test_tcp_has_connections_and_no_charts_of_requests(page: Any, shop: Shop) -> None:
    opened(page, shop, "services/default/store")
    page.get_by_text(re.compile(r"Last minute: [\d.]+/s conn\.")).wait_for()
    assert page.locator(".chart").count() == 0


def test_a_name_that_is_no_service_says_so(page: Any, shop: Shop) -> None:
    page.goto(f"{shop.address}/ui/services/default/nobody")
    page.get_by_text("There is no service default/nobody").wait_for()


def test_links_stay_in_the_page_and_back_goes_back(page: Any, shop: Shop) -> None:
    opened(page, shop, "services")
    page.evaluate("window.mark = 1")
    page.get_by_role("link", name="ratings").first.click()
    page.get_by_role("heading", name="ratings", level=1).wait_for()
    assert page.url.endswith("/ui/services/default/ratings") and page.evaluate("window.mark") == 1
    page.go_back()
    page.get_by_role("heading", name="Services", level=1).wait_for()
    assert "Services" in page.title() or "services" in page.title()


def test_explain_answers_by_keyboard_and_its_address_asks_again(page: Any, shop: Shop) -> None:
    page.goto(f"{shop.address}/ui/explain")
    page.get_by_label("From").focus()
    page.keyboard.type("default/intern-0")
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
    page.get_by_label("Show only").fill("Service/default/baskets")
    page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    assert "q=Service" in page.url
    page.get_by_label("warnings and errors only").check()
    page.get_by_text("No such event.").wait_for()


def test_keyboard_alone_reaches_content_pages_and_nodes(page: Any, shop: Shop) -> None:
    opened(page, shop, "graph")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("link", name="orders 1 of 1 healthy").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="orders", level=1).wait_for()
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_pictures_of_the_docs_can_be_made(browser: Any, shop: Shop, tmp_path: Path) -> None:
    made = [picture.read_bytes()[:24] for picture in take(shop.address, tmp_path, browser)]
    assert all(head[:8] == b"\x89PNG\r\n\x1a\n" for head in made)
    assert [struct.unpack(">I", head[16:20])[0] for head in made] == [width for _, _, _, width, _ in PICTURES]


def test_the_tests_look_at_every_page() -> None:
    named = re.search(r"const PAGES = \[(.*?)\]", Path(ROOT / "web/src/main.tsx").read_text(encoding="utf-8"))
    assert named is not None
    assert set(re.findall(r'"(\w+)"', named[1])) <= {re.split(r"[/?]", path)[0] for path in PAGES}


def test_what_dns_and_files_found_is_shown_with_its_source(page: Any, shop: Shop) -> None:
    file = shop.folder / "db.yaml"
    file.write_text("- {address: 127.53.41.1, port: 5432, labels: {version: v9}}\n- {address: '::1', port: 9}\n")
    spec = {"ports": [{"port": 5432}], "discovery": [{"file": str(file)}]}
    with shop.mesh() as mesh:
        mesh.apply([{"apiVersion": "weft/v1", "kind": "Service", "metadata": {"name": "db"}, "spec": spec}])
    try:
        page.goto(f"{shop.address}/ui/services/default/db")
        found = page.get_by_role("table", name="Found by DNS and files")
        found.get_by_role("row").filter(has_text="127.53.41.1:5432").filter(has_text="v9").wait_for()
        assert str(file) in found.inner_text() and "fresh" in found.inner_text()
        file.write_text("- nonsense\n")
        found.get_by_text("stale", exact=False).first.wait_for()
        found.get_by_text("db.yaml:1:3", exact=False).first.wait_for()
    finally:
        with shop.mesh() as mesh:
            mesh.delete("Service", "db")
