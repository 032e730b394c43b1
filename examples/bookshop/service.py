"""What the shop's services share: an HTTP server, and calls to other services. Nothing here knows of a mesh."""

import json
import os
import re
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.parse import quote as _quote

# A reader who waits longer has left.
TIMEOUT_S = 5
# An order has a line per book; more than this is no order.
MAX_BODY = 64 * 1024
MAX_TEXT = 200
# A basket beyond this is a warehouse.
MAX_BOOKS = 50
# Passed on from request to request, so that what belongs together can be found together.
PASSED_ON = ("x-request-id", "traceparent", "tracestate")


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refused(400, "this is no JSON") from None

    def text(self, name: str) -> str:
        """A line of the JSON that was sent."""
        value = self.json.get(name) if isinstance(self.json, dict) else None
        if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
            raise Refused(400, f"{name} is missing")
        return value

    def cookie(self, name: str) -> str:
        found = SimpleCookie(self.headers.get("cookie", "")).get(name)
        return found.value if found else ""


@dataclass
class Answer:
    body: str
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that cannot be answered with what was asked for."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def quote(text: str) -> str:
    """One segment of a path, or a value of a query."""
    return _quote(text, safe="")


def priced(books: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Books as the catalogue has them, and what they cost together."""
    return {"books": books, "total": round(sum(book["price"] for book in books), 2)}


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False), "application/json", status)


# "GET /api/books/{id}" to what answers it; `{id}` is one segment of the path, handed over by name.
Routes = dict[str, Callable[..., Answer]]
_here = threading.local()


def serve(routes: Routes, failed: Callable[[int, str], Answer] | None = None) -> None:
    """Serves `routes` on $PORT until SIGTERM. `failed` makes the answer where something went wrong; else it is JSON."""
    compiled = [(*name.split(" "), answer) for name, answer in routes.items()]
    table = [(method, _pattern(path), answer) for method, path, answer in compiled]
    failed = failed or (lambda status, why: as_json({"error": why}, status))

    class Handler(BaseHTTPRequestHandler):
        # Connections stay open between requests.
        protocol_version = "HTTP/1.1"
        # Head and body leave in one write: in two, Nagle's algorithm holds the second back for 40 ms.
        wbufsize = -1

        def _any(self) -> None:
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            _here.passed_on = {name: headers[name] for name in PASSED_ON if name in headers}
            length = headers.get("content-length", "0")
            if not length.isdecimal() or int(length) > MAX_BODY:
                self.close_connection = True
                self._send(failed(413, "This is too much."))
                return
            body = self.rfile.read(int(length))
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), headers, body)
            self._send(answer_to(request))

        do_GET = do_HEAD = do_POST = _any

        def _send(self, answer: Answer) -> None:
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("content-type", answer.content_type)
            self.send_header("content-length", str(len(body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    def answer_to(request: Request) -> Answer:
        if request.path == "/healthz":
            return as_json("ok")
        try:
            return _chosen(table, request)
        except Refused as refused:
            return failed(refused.status, str(refused))
        except Unavailable as error:
            print(f"{request.method} {request.path}: {error}", file=sys.stderr)
            return failed(503, str(error))

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # Everybody comes at once after a start.
        request_queue_size = 128

    server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def _chosen(table: Sequence[tuple[str, re.Pattern[str], Callable[..., Answer]]], request: Request) -> Answer:
    method = "GET" if request.method == "HEAD" else request.method
    for wanted, pattern, answer in table:
        if wanted == method and (found := pattern.fullmatch(request.path)):
            return answer(request, **found.groupdict())
    raise Refused(404, f"There is nothing at {request.path}")


class Unavailable(Exception):
    """Another service gave no answer, or not one that helps. `status`: 0 when there was none."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


def ask(service: str, path: str, body: Any = None) -> Any:
    """JSON from another service; where it is stands in the environment. With a `body` it is a POST."""
    url = os.environ[f"{service.upper()}_URL"] + path
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", **getattr(_here, "passed_on", {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=TIMEOUT_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise Unavailable(f"{service} answered {error.code} to {path}", error.code) from None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{service} gave no answer to {path}: {error}") from None
