"""A real browser on a real mesh: the bookshop as `weft demo` runs it, with people in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import World, free_port, get, until
from tools.build_dashboard import NotBuilt, build

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Who calls whom in the shop, without orders of people through the gateway, which are rare.
CALLS = frozenset(
    tuple(call.split(">"))
    for call in """gateway>storefront gateway>catalogue storefront>catalogue storefront>reviews storefront>baskets
    storefront>orders storefront>recommendations reviews>ratings recommendations>catalogue baskets>catalogue
    baskets>store orders>catalogue orders>store intern-0>ratings intern-0>orders""".split()
)


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


def own_world(folder: Path, number: int) -> World:
    """With addresses of this process alone, so that two runs of these tests on one machine do not meet."""
    host = f"127.{60 + number}.{os.getpid() >> 8 & 255}.{os.getpid() % 254 + 1}"
    return World(folder, 15080, 15010, host=host)


class Shop:
    """`weft demo`, and the address of its controller."""

    def __init__(self, world: World) -> None:
        self.folder, self.mesh = world.folder, world.mesh
        self.rest = f"{world.host}:{world.rest}"
        self.address = f"http://{self.rest}"
        addresses = ["--rest-address", self.rest, "--grpc-address", f"{world.host}:{world.grpc}"]
        self.process = world.start("demo", "--port", str(free_port()), *addresses, "--rate", "8")
        until(self._busy, "all calls of the shop, and an ejection")

    def _busy(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            edges = get(self.rest, "/v1/edges?by=service").body["edges"]
            ejected = get(self.rest, "/v1/events?kind=ejected").body["events"]
        except OSError:
            return False
        return {(_name(edge["source"]), _name(edge["destination"])) for edge in edges} >= CALLS and bool(ejected)


def _name(end: dict[str, str]) -> str:
    return (end["service"] or end["workload"]).removeprefix("default/")


@pytest.fixture(scope="module")
def shop(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    world = own_world(tmp_path_factory.mktemp("w"), 1)
    try:
        yield Shop(world)
    finally:
        world.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page; what its browser complains of is in `complaints`."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints
    yield page
    context.close()
