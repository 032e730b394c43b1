"""A page that is open for a day, and one of a large mesh: news come from the test, as fast as the page takes them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tools.measure_dashboard import edge, event, mesh, revisions, serve, service, start, workload

# A day of one news each 17.28 s of a clock that the page takes for the time.
ROUNDS, STEP_MS = 5000, 17_280
PATHS = ("graph", "services/default/a", "events", "workloads")
# The controller is started again four times, a job with a name of its own runs each quarter of an hour, and two times a
# round something happens.
DAY = """
async ({ from, to, step, calls, revisions, event }) => {
  for (let round = from; round < to; round++) {
    window.ahead += step;
    const started = Math.min(3, Math.floor(round / 700));
    if (round % 700 === 0 && round <= 2100) sources.at(-1).onopen?.(new Event("open"));
    say("revisions", { ...revisions, started_at: started });
    const workload = `default/job-${Math.floor(round / 50)}`;
    const job = { ...calls[0], source: { workload, service: "", version: "" } };
    say("edges", [...calls.map((each) => ({ ...each, p99_ms: round % 50 })), job]);
    const id = 2 * (round - 700 * started) + 1;
    const text = `${round} `.repeat(100);
    say("events", { events: [{ ...event, id, text }, { ...event, id: id + 1, text }], lost: round % 10 ? 0 : 3 });
    if (round % 50 === 49) await new Promise(requestAnimationFrame);
  }
}
"""
CLOCK = "window.ahead = 0; const now = Date.now; Date.now = () => now() + window.ahead;"


def parts(**more: Any) -> dict[str, Any]:
    whole = {
        "revisions": revisions(0),
        "services": [service("a"), service("b")],
        "workloads": [workload(name, number) for name in "ab" for number in range(3)],
        "edges": [edge("a", "b"), edge("b", "a")],
    }
    return {**whole, **more}


def opened(page: Any, path: str, picture: dict[str, Any]) -> None:
    serve(page)
    start(page, path, picture)
    page.locator(".state.live").wait_for()


def used(page: Any) -> dict[str, float]:
    """After a collection: DOM nodes, listeners, bytes of JavaScript."""
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable")
    tools.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in tools.send("Performance.getMetrics")["metrics"]}
    tools.detach()
    return {name: found[name] for name in ("Nodes", "JSEventListeners", "JSHeapUsedSize")}


@pytest.mark.parametrize("path", PATHS)
def test_a_page_that_is_open_for_a_day_does_not_grow(page: Any, path: str) -> None:
    page.add_init_script(CLOCK)
    opened(page, path, parts())
    said = {"step": STEP_MS, "calls": parts()["edges"], "revisions": revisions(), "event": event(1)}
    marks = (0, ROUNDS // 5, ROUNDS)
    after = []
    for begin, end in itertools.pairwise(marks):
        page.evaluate(DAY, {**said, "from": begin, "to": end})
        after.append(used(page))
    early, late = after
    # The ring of events is full in both; what is left is noise of the collector.
    assert late["Nodes"] <= 1.2 * early["Nodes"] + 200
    assert late["JSEventListeners"] <= 1.2 * early["JSEventListeners"] + 20
    assert late["JSHeapUsedSize"] <= 1.2 * early["JSHeapUsedSize"] + 1e6
    assert page.complaints == []


def test_events_of_a_controller_before_are_not_those_of_this_one(page: Any) -> None:
    old = {"events": [event(1, "old-one"), event(2, "old-two")], "lost": 4}
    opened(page, "events", parts(events=old))
    page.get_by_text("4 earlier events no longer kept").wait_for()
    # It has told more than the one before: its numbers go on where those ended.
    new = {"events": [event(number, f"new-{number}") for number in range(1, 6)], "lost": 0}
    page.evaluate("parts => begin(parts)", {"revisions": revisions(2), "events": new})
    page.get_by_text("new-1").wait_for()
    page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 5")
    assert "no longer kept" not in page.inner_text("main")


COUNT = "sources.length"
# From now on nobody answers.
REFUSE = """
() => {
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url);
      setTimeout(() => this.onerror?.(new Event("error")));
    }
  };
  sources.at(-1).onerror(new Event("error"));
}
"""


def test_a_controller_that_stays_away_is_asked_ever_more_rarely(page: Any) -> None:
    page.clock.install()
    opened(page, "services", parts())
    page.evaluate(REFUSE)
    page.clock.run_for(60_000)
    # After 1, 3, 7, 15 s, then each 15 s; the clock also goes on by itself.
    assert 7 <= page.evaluate(COUNT) <= 9
    page.clock.run_for(3_600_000)
    asked = page.evaluate(COUNT)
    assert 247 <= asked <= 252
    page.get_by_role("status").get_by_text("The controller is gone since").wait_for()
    page.get_by_role("link", name="a", exact=True).wait_for()
    # Somebody has a network again.
    page.evaluate("() => { window.EventSource = Object.getPrototypeOf(EventSource); }")
    page.evaluate("dispatchEvent(new Event('online'))")
    assert page.evaluate(COUNT) > asked
    page.evaluate("parts => begin(parts)", parts())
    page.clock.run_for(100)
    page.locator(".state.live").wait_for()
    assert page.complaints == []


def test_a_line_that_is_dead_without_an_end_is_noticed(page: Any) -> None:
    page.clock.install()
    opened(page, "services", parts())
    for _ in range(10):
        page.clock.run_for(5000)
        page.evaluate("say('here', {})")
    assert page.evaluate(COUNT) == 1 and page.get_by_role("status").inner_text() == ""
    page.clock.run_for(21_000)
    page.get_by_role("status").get_by_text("The controller is gone since").wait_for()
    page.clock.run_for(2000)
    assert page.evaluate(COUNT) == 2


def test_while_a_controller_starts_the_page_says_so(page: Any) -> None:
    opened(page, "graph", parts(revisions=revisions(1, compiled=0)))
    page.get_by_role("status").get_by_text("The controller is starting").wait_for()
    page.evaluate("said => say('revisions', said)", revisions(1))
    page.wait_for_function("() => document.querySelector('[role=status]').innerText === ''")


LONG = "a-service-of-a-department-that-likes-to-say-all-of-it-in-one-name"
FITS = """
() => [...document.querySelectorAll(".node")].every((node) => {
  const box = node.querySelector("rect").getBoundingClientRect();
  return [...node.querySelectorAll("text")].every((text) => text.getBoundingClientRect().right <= box.right);
})
"""


def test_long_names_stay_in_their_boxes_and_are_told_whole(page: Any) -> None:
    names = [f"{LONG[:61]}-{number}" for number in range(4)]
    calls = [edge(a, b) for a, b in itertools.pairwise(names)]
    opened(page, "graph", parts(services=[service(name) for name in names], edges=calls))
    page.get_by_role("link", name=names[0]).first.wait_for()
    assert page.locator(".graph .name").first.text_content().strip().endswith("…")
    assert page.evaluate(FITS)
    for width in (375, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    assert page.complaints == []


def test_a_large_mesh_is_looked_at_one_service_at_a_time(page: Any) -> None:
    opened(page, "graph", mesh(200, 1000))
    page.get_by_text("200 services and 1,000 links are too many for one picture").wait_for()
    page.get_by_role("region", name="What to look at").get_by_role("link").first.click()
    page.locator(".graph .label").first.wait_for()
    assert "around=service-" in page.url
    page.get_by_label("Around").fill("service-100")
    page.get_by_role("link", name="service-100 3 of 3 healthy").wait_for()
    assert 2 < page.locator(".graph .node").count() <= 60
    page.get_by_label("Around").fill("")
    page.get_by_text("the first 150 of 1,000").wait_for()
    assert page.locator("tbody tr").count() == 150 and page.complaints == []
