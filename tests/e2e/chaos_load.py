"""Load in a process of its own: `chaos_load.py RATE AT_LEAST PORT PORT`, a GET every 1/RATE s whether or not earlier
ones were answered (open loop), until stdin ends and AT_LEAST were sent; then one line of JSON.

It uses two entrances as a load balancer before two edges would: a *connection* that fails (refused, reset, closed)
before a byte of the answer moves its GET to the other entrance, once. An answer is final, whatever it says.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter

from chaos_http import LOST, Pool

TICK_S = 0.01
# An answer that takes longer is lost.
TIMEOUT_S = 20.0
# So many unanswered ones make the loop wait: a mesh that hangs must not fill this process's memory.
MAX_OPEN = 2_000


class Load:
    def __init__(self, ports: list[int]) -> None:
        self.pools = [Pool("127.0.0.1", port) for port in ports]
        self.sent = self.good = self.moved = self.open = self.held_back = 0
        self.bad: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()

    def send(self) -> None:
        first = self.sent % len(self.pools)
        self.sent += 1
        self.open += 1
        loop = asyncio.get_running_loop()
        tries = 0
        timer = loop.call_later(TIMEOUT_S, lambda: finish(LOST, b"timeout"))
        over = False

        def finish(status: int, body: bytes) -> None:
            nonlocal over
            if over:
                return
            over = True
            timer.cancel()
            self.open -= 1
            if (status, body) == (200, b"web+api"):
                self.good += 1
            elif status == LOST:
                self.lost[body.decode(errors="replace")] += 1
            else:
                self.bad[f"{status} {body[:80].decode(errors='replace')}"] += 1

        def done(status: int, body: bytes) -> None:
            nonlocal tries
            if status == LOST and tries == 0:
                tries += 1
                self.moved += 1
                self.pools[1 - first].get("/", "web", done)
            else:
                finish(status, body)

        self.pools[first].get("/", "web", done)

    async def run(self, rate: int, at_least: int, told: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        began, planned = loop.time(), 0
        while self.sent < at_least or not told.is_set():
            due = int((loop.time() - began) * rate) - planned
            planned += due
            self.held_back += (dropped := max(0, due - (MAX_OPEN - self.open)))
            for _ in range(due - dropped):
                self.send()
            await asyncio.sleep(TICK_S)
        while self.open:
            await asyncio.sleep(TICK_S)
        seconds = loop.time() - began
        report = {"sent": self.sent, "good": self.good, "moved": self.moved, "held_back": self.held_back}
        print(json.dumps({**report, "bad": self.bad, "lost": self.lost, "seconds": round(seconds, 1)}), flush=True)


def main() -> None:
    rate, at_least, *ports = map(int, sys.argv[1:])
    told = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
    asyncio.run(Load(ports).run(rate, at_least, told))


if __name__ == "__main__":
    main()
