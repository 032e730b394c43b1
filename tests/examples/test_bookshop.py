"""The bookshop's services by themselves: no mesh, as they know of none."""

from __future__ import annotations

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import free_port, until

SHOP = Path(__file__).resolve().parents[2] / "examples" / "bookshop"


def test_its_services_are_plain_python_and_node_and_know_nothing_of_weft() -> None:
    own = {path.stem for path in SHOP.glob("*.py")}
    for path in SHOP.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            strange = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - own
            assert strange == set(), path.name
    required = [line for line in (SHOP / "recommendations.js").read_text().splitlines() if "require(" in line]
    assert required == ["const http = require('node:http');"]
    assert "weft" not in "".join(p.read_text(encoding="utf-8") for p in SHOP.iterdir() if p.suffix in (".py", ".js")
                                 and p.stem != "people").lower()


class Catalogue(BaseHTTPRequestHandler):
    """All books."""

    protocol_version, wbufsize = "HTTP/1.1", -1

    def do_GET(self) -> None:
        body = (SHOP / "books.json").read_bytes()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def catalogue() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Catalogue)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Running:
    """One of its programs."""

    def __init__(self, *command: str, **variables: str) -> None:
        self.port = free_port()
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PORT": str(self.port), **variables}
        self.process = subprocess.Popen(command, cwd=SHOP, env=env)
        until(self._listens, " ".join(command))

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except ConnectionRefusedError:
            return False
        return True

    def get(self, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(15) == 0


@pytest.fixture
def run() -> Iterator[Any]:
    running: list[Running] = []

    def start(*command: str, **variables: str) -> Running:
        running.append(Running(*command, **variables))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def test_the_twins_of_recommendations_say_the_same(run: Any, catalogue: str) -> None:
    if shutil.which("node") is None:
        pytest.skip("no node: the service in JavaScript is not compared with its twin")
    node = run("node", "recommendations.js", CATALOGUE_URL=catalogue)
    python = run(sys.executable, "recommendations.py", CATALOGUE_URL=catalogue)
    for book in ("emma", "moby-dick", "dracula", "nothing"):
        path = f"/recommendations/{book}"
        assert [json.loads(each.get(path)[1]) for each in (node, python)] == [json.loads(node.get(path)[1])] * 2
    assert [each.get("/elsewhere")[0] for each in (node, python)] == [404, 404]
    assert [each.get("/healthz")[0] for each in (node, python)] == [200, 200]


SAID = [
    (b"get a\r\n", b"END\r\n"),
    (b"set a 0 0 3\r\nx\r\n\r\n", b"STORED\r\n"),
    (b"get a\r\n", b"VALUE a 0 3\r\nx\r\n\r\nEND\r\n"),
    (b"incr a 1\r\n", b"NOT_FOUND\r\n"),
    (b"set n 0 0 1\r\n9\r\n", b"STORED\r\n"),
    (b"incr n 2\r\n", b"11\r\n"),
    (b"delete n\r\n", b"DELETED\r\n"),
    (b"delete n\r\n", b"NOT_FOUND\r\n"),
    (b"set a 0 0 x\r\n", b"ERROR\r\n"),
    (b"GET / HTTP/1.1\r\n", b"ERROR\r\n"),
    (b"version\r\n", b"VERSION bookshop\r\n"),
]


def test_the_store_speaks_some_of_memcacheds_words(run: Any) -> None:
    store = run(sys.executable, "store.py")
    with socket.create_connection(("127.0.0.1", store.port), 15) as connection:
        for said, answered in SAID:
            connection.sendall(said)
            got = b""
            while len(got) < len(answered):
                got += connection.recv(4096)
            assert got == answered
        connection.sendall(b"quit\r\n")
        assert connection.recv(1) == b""


def test_what_is_in_a_basket_can_be_ordered(run: Any, catalogue: str) -> None:
    store = run(sys.executable, "store.py")
    place = {"STORE_HOST": "127.0.0.1", "STORE_PORT": str(store.port)}
    books = run(sys.executable, "catalogue.py")
    baskets = run(sys.executable, "baskets.py", CATALOGUE_URL=f"http://127.0.0.1:{books.port}", **place)
    orders = run(sys.executable, "orders.py", CATALOGUE_URL=f"http://127.0.0.1:{books.port}", **place)
    for book in ("emma", "alice"):
        assert baskets.get("/baskets/b1", "POST", json.dumps({"book": book}))[0] == 200
    assert json.loads(baskets.get("/baskets/b1")[1])["total"] == 16.5
    status, text = orders.get("/api/orders", "POST", json.dumps({"books": ["emma", "alice"], "name": "Zoë"}))
    assert status == 201
    order = json.loads(text)
    assert (order["number"], order["name"], order["total"]) == (1, "Zoë", 16.5)
    assert json.loads(orders.get("/api/orders/1")[1]) == order
    assert json.loads(orders.get("/api/orders/all")[1]) == {"orders": 1}
    assert baskets.get("/baskets/b1/empty", "POST", "{}")[0] == 200
    assert json.loads(baskets.get("/baskets/b1")[1])["books"] == []
    wrong = [
        orders.get("/api/orders", "POST", json.dumps({"books": [], "name": "Zoë"}))[0],
        orders.get("/api/orders", "POST", "{")[0],
        orders.get("/api/orders", "POST", json.dumps({"books": ["emma"], "name": "a\nb"}))[0],
        orders.get("/api/orders/2")[0],
        baskets.get("/baskets/b1", "POST", json.dumps({"book": "no such"}))[0],
        baskets.get("/baskets/b1", "POST", "x" * 100_000)[0],
    ]
    assert wrong == [400, 400, 400, 404, 503, 413]


@pytest.mark.parametrize(
    ("stars", "shown"), [("none", '"stars": null'), ("black", '"colour": false'), ("colour", '"colour": true')]
)
def test_versions_of_reviews_differ_in_stars(run: Any, stars: str, shown: str) -> None:
    ratings = run(sys.executable, "ratings.py")
    reviews = run(sys.executable, "reviews.py", STARS=stars, RATINGS_URL=f"http://127.0.0.1:{ratings.port}")
    assert shown in reviews.get("/reviews/emma")[1]


def test_without_ratings_there_are_reviews(run: Any) -> None:
    ratings = run(sys.executable, "ratings.py", FAILS="1")
    reviews = run(sys.executable, "reviews.py", STARS="black", RATINGS_URL=f"http://127.0.0.1:{ratings.port}")
    status, text = reviews.get("/reviews/emma")
    assert (status, json.loads(text)["stars"], len(json.loads(text)["reviews"])) == (200, {"missing": True}, 2)


def test_without_everybody_else_there_is_a_page_that_is_sorry(run: Any) -> None:
    nobody = {f"{name}_URL": "http://127.0.0.1:9" for name in ("CATALOGUE", "REVIEWS", "RECOMMENDATIONS", "BASKETS")}
    storefront = run(sys.executable, "storefront.py", **nobody)
    status, page = storefront.get("/")
    assert status == 503 and "Something behind the counter does not answer" in page
    status, page = storefront.get("/<script>")
    assert status == 404 and "&lt;script&gt;" in page and "<script>" not in page
    assert storefront.get("/shop.css")[0] == 200
