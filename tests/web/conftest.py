"""A real browser on a real mesh: examples/first with its own apps, and somebody who calls it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import World, free_port, get, until
from tools.build_dashboard import NotBuilt, build

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


# For one module: as long as it steers, Playwright keeps an event loop running, which asynchronous tests cannot stand.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's own Chromium; Playwright only steers it."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: install one of {', '.join(BROWSERS)} to test the dashboard")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: make build installs it")
    try:
        build()
    except NotBuilt as error:
        pytest.skip(f"no dashboard: {error}; {error.hint}")
    with playwright.sync_playwright() as steering:
        # Tests may run as root, for whom Chromium has no sandbox; what it shows is ours.
        browser = steering.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Shop:
    """`weft up` of examples/first, and its address."""

    def __init__(self, world: World) -> None:
        self.world, self.web = world, free_port()
        self.address = f"http://127.0.0.1:{world.rest}"
        self._stop = threading.Event()
        command = ["up", "-f", str(ROOT / "examples/first/weft.yaml"), "-p", f"web={self.web}"]
        addresses = ["--rest-address", f"127.0.0.1:{world.rest}", "--grpc-address", f"127.0.0.1:{world.grpc}"]
        self.process = world.start(*command, *addresses)
        until(self._answers, "the shop")
        self._caller = threading.Thread(target=self._call, daemon=True)
        self._caller.start()
        until(self._seen, "edges of all four")

    def stop(self) -> None:
        self._stop.set()
        self._caller.join()

    def _answers(self) -> bool:
        try:
            return get(f"127.0.0.1:{self.web}", "/product").status == 200
        except OSError:
            return False

    def _call(self) -> None:
        while not self._stop.wait(0.1):
            self._answers()

    def _seen(self) -> bool:
        edges = get(f"127.0.0.1:{self.world.rest}", "/v1/edges?by=service").body["edges"]
        return len(edges) >= 4


@pytest.fixture(scope="module")
def shop(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    world = World(tmp_path_factory.mktemp("w"), free_port(), free_port(neighbours=2))
    try:
        made = Shop(world)
        yield made
        made.stop()
    finally:
        world.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page that has to stay without a complaint of the browser."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints
    yield page
    context.close()
