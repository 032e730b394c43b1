"""People in the shop: they come when they like, look around, think, put a book into the basket, order it, or leave.

    python3 people.py http://127.0.0.1:8080 --duration 30

They come as a Poisson process (an open model: nobody waits for others to leave, as in life), each with a connection of
their own that stays open. What each of them saw is checked, and counted: one line of JSON at the end.
"""

import argparse
import http.client
import json
import random
import re
import signal
import sys
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import urlencode, urlsplit

# How long somebody looks at a page, on average: people are slower, but a demo shall show something.
THINK_S = 0.7
# Who waits longer has left, and the page has failed.
PATIENCE_S = 10.0
# So many at the same time fill any shop; more wait outside and are counted as failed.
MAX_INSIDE = 400
# What is told of failures, beside their number.
MAX_TOLD = 20
WORDS = ("sea", "austen", "moon", "wonder", "holmes", "verne", "time", "oz", "strange", "society")
STARS = re.compile(r'class="stars (gold|black)"|No stars at the moment')


class Seen:
    """What all of them saw."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sessions = self.orders = self.requests = self.failed = 0
        self.failures: list[str] = []
        self.stars: Counter[str] = Counter()
        self.took_ms: list[float] = []

    def page(self, what: str, problem: str, took_s: float) -> None:
        with self._lock:
            self.requests += 1
            self.took_ms.append(took_s * 1000)
            if problem:
                self.failed += 1
                self.failures = [*self.failures, f"{what}: {problem}"][:MAX_TOLD]

    def count(self, sessions: int = 0, orders: int = 0, stars: str = "") -> None:
        with self._lock:
            self.sessions += sessions
            self.orders += orders
            self.stars.update([stars] if stars else [])

    def summary(self) -> dict[str, Any]:
        took = sorted(self.took_ms)
        return {
            "sessions": self.sessions,
            "orders": self.orders,
            "requests": self.requests,
            "failed": self.failed,
            "failures": self.failures,
            "p50_ms": round(took[len(took) // 2], 1) if took else None,
            "p99_ms": round(took[len(took) * 99 // 100], 1) if took else None,
            "stars": dict(self.stars),
        }


class Leaves(Exception):
    """Has seen enough, or too little."""


class Person:
    def __init__(self, address: str, dice: random.Random, seen: Seen, closing: threading.Event) -> None:
        self.dice, self.seen, self.closing = dice, seen, closing
        self.connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
        self.cookie = ""

    def visit(self) -> None:
        try:
            self._visit()
        except Leaves:
            pass
        finally:
            self.connection.close()

    def _visit(self) -> None:
        books = re.findall(r'href="/books/([\w-]+)"', self.look("/", "</html>"))
        if self.dice.random() < 0.5:
            self.think()
            word = self.dice.choice(WORDS)
            books = re.findall(r'href="/books/([\w-]+)"', self.look(f"/search?q={word}", f"“{word}”")) or books
        if not books:
            raise Leaves
        for _ in range(self.dice.randint(1, 3)):
            self.think()
            book = self.dice.choice(books)
            page = self.look(f"/books/{book}", "Put into the basket")
            found = STARS.search(page)
            self.seen.count(stars=(found[1] or "missing") if found else "none")
            self.look(f"/covers/{book}.svg", "</svg>")
        if self.dice.random() < 0.5:
            self.think()
            self.send("/basket", {"book": book}, "Order now")
            self.think()
            if self.dice.random() < 0.7:
                self.send("/order", {"name": "A reader"}, "Thank you")
                self.seen.count(orders=1)

    def think(self) -> None:
        if self.closing.wait(self.dice.expovariate(1 / THINK_S)):
            raise Leaves

    def look(self, path: str, has: str) -> str:
        """A page, which has to have this in it."""
        status, _, body = self._ask("GET", path, None, 200, has)
        if status != 200:
            raise Leaves
        return body

    def send(self, path: str, form: dict[str, str], has: str) -> None:
        """A form, and the page that it leads to."""
        _, location, _ = self._ask("POST", path, urlencode(form), 303, "")
        if not location:
            raise Leaves
        self.look(location, has)

    def _ask(self, method: str, path: str, body: str | None, wanted: int, has: str) -> tuple[int, str, str]:
        """Status, location, body; counted, with what was wrong."""
        headers = {"cookie": self.cookie} if self.cookie else {}
        if body is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        began = time.monotonic()
        try:
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self.seen.page(f"{method} {path}", f"no answer: {error!r}", time.monotonic() - began)
            raise Leaves from None
        status, problem = response.status, ""
        if status != wanted:
            problem = f"{status} {response.headers.get('weft-reason', '')} {text[:80]!r}"
        elif has not in text:
            problem = f"without {has!r}: {text[:80]!r}"
        self.seen.page(f"{method} {path}", problem, time.monotonic() - began)
        self.cookie = response.headers.get("set-cookie", self.cookie).partition(";")[0]
        return status, response.headers.get("location", ""), text


def open_shop(address: str, rate: float, seed: int, seen: Seen, closing: threading.Event) -> None:
    """People come until it closes; then each sees the page to its end that he has asked for."""
    dice = random.Random(seed)
    inside: list[threading.Thread] = []
    while not closing.wait(dice.expovariate(rate)):
        inside = [thread for thread in inside if thread.is_alive()]
        if len(inside) >= MAX_INSIDE:
            seen.page("the door", "too many are inside, waiting", 0.0)
            continue
        seen.count(sessions=1)
        person = Person(address, random.Random(dice.getrandbits(64)), seen, closing)
        inside.append(threading.Thread(target=person.visit, daemon=True))
        inside[-1].start()
    for thread in inside:
        thread.join(PATIENCE_S)


def main() -> None:
    parser = argparse.ArgumentParser(description="send people into the shop, and count what they saw")
    parser.add_argument("shop", metavar="URL", help="where the shop is")
    parser.add_argument("--rate", type=float, default=3.0, help="how many come per second, on average (3)")
    parser.add_argument("--seed", type=int, default=1, help="the same people come again (1)")
    parser.add_argument("--duration", type=float, help="seconds; without: until SIGTERM or Ctrl-C")
    parser.add_argument("--leash", action="store_true", help="end when stdin does: whoever started it is gone")
    options = parser.parse_args()
    closing = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: closing.set())
    if options.leash:
        threading.Thread(target=lambda: (sys.stdin.read(), closing.set()), daemon=True).start()
    if options.duration:
        timer = threading.Timer(options.duration, closing.set)
        timer.daemon = True
        timer.start()
    seen = Seen()
    open_shop(urlsplit(options.shop).netloc, options.rate, options.seed, seen, closing)
    print(json.dumps(seen.summary()), flush=True)


if __name__ == "__main__":
    main()
