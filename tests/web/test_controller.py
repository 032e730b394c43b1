"""What a page says of a controller that stops, starts, or does not answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import World
from tests.web.conftest import own_world

# Links of the navigation; of each page one thing that stands there also when nobody answers.
PAGES = {"graph": "before", "services": "before", "workloads": "No workload", "resources": "does not answer"}
SLOW_MS = 60_000


@pytest.fixture
def world(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = own_world(tmp_path_factory.mktemp("g"), 2)
    yield found
    found.close()


def test_a_controller_that_is_gone_is_said_on_each_page_and_comes_back(page: Any, world: World) -> None:
    first = world.controller()
    world.apply(world.service("before"))
    address = f"http://{world.host}:{world.rest}/ui"
    page.goto(f"{address}/services")
    page.get_by_role("link", name="before").wait_for()
    page.evaluate("window.mark = 1")
    first.kill()
    first.wait()
    gone = page.get_by_role("status").get_by_text(re.compile(r"^The controller is gone since \d\d:\d\d:\d\d\."))
    gone.wait_for()
    for name, there in PAGES.items():
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_text(there).first.wait_for()
        assert gone.is_visible()
    world.controller()
    page.get_by_text("live").wait_for(timeout=SLOW_MS)
    assert page.get_by_role("status").inner_text() == ""
    world.apply(world.service("after"))
    page.get_by_role("link", name="services", exact=True).click()
    page.get_by_role("link", name="after").wait_for()
    assert page.evaluate("window.mark") == 1
    page.goto(f"{address}/services/default/after")
    page.get_by_role("heading", name="after", level=1).wait_for()


def test_until_the_first_word_no_page_says_that_there_is_nothing(page: Any, world: World) -> None:
    world.controller()
    page.route("**/v1/stream", lambda route: None)
    page.goto(f"http://{world.host}:{world.rest}/ui/services")
    page.get_by_text("Waiting for the controller").wait_for()
    assert page.get_by_role("heading", level=1).count() == 1 and "No service yet" not in page.inner_text("main")
