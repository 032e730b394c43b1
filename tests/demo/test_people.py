"""The bookshop's people in a shop of a few lines."""

import asyncio
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from weft.client.errors import WeftError
from weft.demo.people import People, Seen
from weft.demo.place import CHECKOUT

BOOK = '<p class="stars gold">Put into the basket</html>'
PAGES = {
    "/": '<a href="/books/emma"></html>',
    "/books/emma": BOOK,
    "/covers/emma.svg": "<svg></svg>",
    "/basket": "Order now",
    "/order/7": "Thank you",
}


class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    # Path to status.
    wrong: ClassVar[dict[str, int]] = {}
    cookies: ClassVar[list[str]] = []
    # Once this one was asked for, `seen` is set.
    until = ""
    seen = threading.Event()

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        body = f"“{query.removeprefix('q=')}”{PAGES['/']}" if path == "/search" else PAGES[path]
        self.answer(self.wrong.get(path, 200), body)
        if path == self.until:
            self.seen.set()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.cookies.append(self.headers.get("cookie", ""))
        self.answer(303, "", {"/basket": "/basket", "/order": "/order/7"}[self.path])

    def answer(self, status: int, body: str, location: str = "") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body.encode())))
        if location:
            self.send_header("location", location)
            self.send_header("set-cookie", "basket=b7; Path=/")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Shop, "wrong", {})
    monkeypatch.setattr(Shop, "cookies", [])
    monkeypatch.setattr(Shop, "seen", threading.Event())
    monkeypatch.setattr(Shop, "until", "/order/7")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


async def visited(shop: str) -> Seen:
    """Until somebody has seen the page of `Shop.until`."""
    people = await People.come(CHECKOUT, shop, rate=40, seed=7)
    assert await asyncio.to_thread(Shop.seen.wait, 60)
    return await people.leave()


async def test_people_look_around_and_order_and_each_page_is_counted(shop: str) -> None:
    seen = await visited(shop)
    assert seen.orders > 0 and seen.sessions >= seen.orders
    assert (seen.failed, seen.failures, seen.success_rate) == (0, (), 1.0)
    assert seen.stars["gold"] > 0
    assert "basket=b7" in Shop.cookies
    assert seen.p50_ms is not None and seen.p99_ms is not None


@pytest.mark.parametrize(
    ("path", "status", "body", "says"),
    [
        ("/basket", 503, "Order now", "GET /basket: 503"),
        ("/covers/emma.svg", 200, "nothing", "GET /covers/emma.svg: without '</svg>'"),
    ],
)
async def test_what_was_wrong_is_told(
    shop: str, monkeypatch: pytest.MonkeyPatch, path: str, status: int, body: str, says: str
) -> None:
    monkeypatch.setitem(PAGES, path, body)
    monkeypatch.setitem(Shop.wrong, path, status)
    monkeypatch.setattr(Shop, "until", path)
    seen = await visited(shop)
    assert seen.failed > 0 and seen.success_rate is not None and seen.success_rate < 1
    assert seen.failures[0].startswith(says)
    assert len(seen.failures) <= 20


async def test_who_cannot_say_what_he_saw_is_an_error(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "service.py", tmp_path / "people.py")  # does nothing, and says nothing
    people = await People.come(tmp_path, "http://127.0.0.1:1", 1, 1)
    await people.gone()
    with pytest.raises(WeftError, match="the people did not say what they saw"):
        await people.leave()
