"""Measures the dashboard with a mesh of any size: what one round of news costs the browser, page by page.

    tools/measure_dashboard.py [--services 200] [--edges 1000] [--rounds 30]

No controller runs: the page is the built one, and its news come from here. tests/web looks at the same mesh.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import Any

# As a script: what stands beside `tools`.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.screenshots import ROOT, browser

FOLDER = ROOT / "python/weft/controller/dashboard"
ADDRESS = "http://127.0.0.1:15080"
# Of a page that nobody waits for: longer than that, and typing stutters.
GOAL_MS = 200
PATHS = ("graph", "graph?around=service-100", "services", "services/default/service-100", "workloads", "events")

# In place of the browser's own EventSource: `sources` are all that were opened, and `say` tells the last one.
STREAM = """
window.sources = [];
window.EventSource = class extends EventTarget {
  static CLOSED = 2;
  constructor(url) { super(); this.url = url; this.readyState = 0; sources.push(this); }
  close() { this.readyState = 2; }
};
window.say = (name, data) => sources.at(-1).dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
window.begin = (parts) => {
  sources.at(-1).onopen?.(new Event("open"));
  for (const [name, data] of Object.entries(parts)) say(name, data);
};
"""
# From the news to the frame that shows them.
ROUND = """
async (edges) => {
  const began = performance.now();
  say("edges", edges);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - began;
}
"""


def serve(page: Any) -> None:
    """Answers for a controller; the stream is `say` and `begin` of the page's window."""
    empty = {"edges": [], "points": [], "resources": [], "rules": [], "objects": [], "revision": 1}
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(ADDRESS).partition("?")[0]
        if path.startswith("/v1/"):
            route.fulfill(json=empty)
        elif path.startswith("/ui/assets/"):
            file = FOLDER / "assets" / Path(path).name
            route.fulfill(body=file.read_bytes(), content_type=types[file.suffix])
        else:
            route.fulfill(body=(FOLDER / "index.html").read_bytes(), content_type="text/html")

    page.add_init_script(STREAM)
    page.route("**/*", answer)


def start(page: Any, path: str, parts: dict[str, Any]) -> None:
    """Opens a page and tells it the first round."""
    page.goto(f"{ADDRESS}/ui/{path}")
    page.wait_for_function("sources.length > 0")
    page.evaluate("parts => begin(parts)", parts)


def end(name: str) -> dict[str, str]:
    return {"workload": "", "service": f"default/{name}", "version": ""}


def edge(source: str, destination: str, requests: int = 60, failures: int = 1) -> dict[str, Any]:
    """As of /v1/stream."""
    ends = {"source": end(source), "destination": end(destination)}
    numbers = {"requests": requests, "failures": failures, "retries": 0, "retries_saved": 0, "connections": 0}
    latency = {"requests_per_second": requests / 60, "success_rate": 0.98, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0}
    return {**ends, **numbers, **latency, "tls": "mtls", "protocol": "http", "port": 80, "reasons": {}}


def service(name: str) -> dict[str, Any]:
    ports = [{"port": 80, "protocol": "HTTP", "name": None}]
    return {
        "name": f"default/{name}",
        "declared": True,
        "ports": ports,
        "workloads": 3,
        "healthy": 3,
        "sources": [],
    }


def workload(service: str, number: int) -> dict[str, Any]:
    sync = {"connected": True, "subscriptions": 5, "current": 5, "pending": [], "rejected": []}
    what = {"health": "healthy", "health_reason": "", "lease": "attached", "problems": [], "sync": sync}
    address = {"port": 80, "address": "192.0.2.1", "listen_port": 80}
    who = {"name": f"default/{service}-{number}", "service": f"default/{service}", "version": "v1", "zone": ""}
    proof = {"identity": "", "proxy_version": "0", "certificate_not_after": None}
    return {**who, **what, **proof, "ports": [address]}


def event(number: int, kind: str = "app-healthy", subject: str = "default/a-0") -> dict[str, Any]:
    return {"id": number, "at": number, "kind": kind, "subject": subject, "text": "", "severity": "info"}


def revisions(started_at: float = 1.0, compiled: int = 1) -> dict[str, Any]:
    return {"revision": 1, "compiled_revision": compiled, "started_at": started_at}


def mesh(services: int, edges: int, seed: int = 1) -> dict[str, Any]:
    """The first round of a mesh in which nobody calls those before it, three workloads a service."""
    names = [f"service-{number}" for number in range(services)]
    chance = random.Random(seed)
    links = set[tuple[int, int]]()
    while len(links) < min(edges, services * (services - 1) // 2):
        a, b = sorted(chance.sample(range(services), 2))
        links.add((a, b))
    return {
        "revisions": revisions(),
        "services": [service(name) for name in names],
        "workloads": [workload(name, number) for name in names for number in range(3)],
        "edges": [edge(names[a], names[b], failures=chance.choice((0, 0, 0, 6))) for a, b in sorted(links)],
        "events": {"events": [event(number) for number in range(1, 1001)], "lost": 0},
    }


def measured(page: Any, path: str, parts: dict[str, Any], rounds: int) -> list[float]:
    """Milliseconds of each round, the slowest last."""
    start(page, path, parts)
    page.locator("table, .empty").first.wait_for()
    news = [[{**each, "p99_ms": float(number)} for each in parts["edges"]] for number in range(rounds)]
    return sorted(page.evaluate(ROUND, edges) for edges in news)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--edges", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args(arguments)
    found = browser()
    if found is None or not (FOLDER / "index.html").exists():
        print("error: it takes a browser and the built dashboard", file=sys.stderr)
        print("\nhint: apt-get install chromium; make build, with node", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    parts = mesh(options.services, options.edges)
    print(f"{options.services} services, {len(parts['edges'])} edges; ms of one round of news, goal {GOAL_MS}")
    slow = False
    with sync_playwright() as steering:
        opened = steering.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        serve(page)
        for path in PATHS:
            times = measured(page, path, parts, options.rounds)
            print(f"{path:<32} median {times[len(times) // 2]:6.0f}  longest {times[-1]:6.0f}")
            slow = slow or times[-1] > GOAL_MS
        opened.close()
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
