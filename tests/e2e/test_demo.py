"""`weft demo`: what it prints is typed as it stands, and what a user would see is looked at."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.e2e.conftest import PATIENCE_S, World, free_port, get, processes_below, until
from weft.demo.tries import INDENT
from weft.mesh import Mesh

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
END = "Ctrl-C stops everything."


def own(world: World) -> list[str]:
    """Ports that no other test has."""
    addresses = ["--rest-address", f"127.0.0.1:{world.rest}", "--grpc-address", f"127.0.0.1:{world.grpc}"]
    return ["--port", str(free_port()), *addresses]


class Demo:
    """`weft demo`, ready, and a terminal beside it."""

    def __init__(self, world: World) -> None:
        self.folder, self.said = world.folder, ""
        weft = world.folder / "bin" / "weft"
        weft.parent.mkdir()
        weft.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m weft.cli "$@"\n')
        weft.chmod(0o755)
        path = f"{weft.parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {**world.env, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        del self.env["WEFT_CONTROLLER"]
        self.process = subprocess.Popen(
            [str(weft), "demo", *own(world)], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        world.processes.append(self.process)
        assert self.process.stdout and self.process.stderr
        self.errors: list[str] = []
        threading.Thread(target=lambda: self.errors.extend(self.process.stderr or ()), daemon=True).start()
        for line in self.process.stdout:
            self.said += line
            if line.strip() == END:
                return
        raise AssertionError(self.said + "".join(self.errors))

    def commands(self, number: int) -> list[str]:
        """Of one of the five things; 0: what another terminal needs first."""
        parts = re.split(r"^\d\. ", self.said, flags=re.MULTILINE)
        return [line.removeprefix(INDENT) for line in parts[number].splitlines() if line.startswith(INDENT)]

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Pasted into another terminal."""
        script = "\n".join([*self.commands(0), command])
        return subprocess.run(
            ["bash", "-c", script], env=self.env, text=True, capture_output=True, check=False, timeout=PATIENCE_S
        )

    def typed(self, command: str) -> str:
        """What it prints; it has to succeed, be it a moment later."""
        return until(lambda: done.stdout or " " if not (done := self.type(command)).returncode else None, command)

    def address(self, name: str) -> str:
        found = re.search(rf"^The {name}: +http://(\S+)$", self.said, re.MULTILINE)
        assert found
        return found[1]

    def page(self) -> str:
        answer = get(self.address("shop"), "/books/emma")
        assert answer.status == 200
        return str(answer.body)

    def pages(self) -> str:
        """So many that every version of reviews has made one."""
        return "".join(self.page() for _ in range(20))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    world = World(tmp_path_factory.mktemp("d"), free_port(), free_port(neighbours=2))
    try:
        yield Demo(world)
    finally:
        world.close()


def test_it_says_five_things_and_where_to_look(demo: Demo) -> None:
    assert [len(demo.commands(number)) > 0 for number in range(1, 6)] == [True] * 5
    assert max(map(len, demo.said.splitlines())) <= 80
    assert get(demo.address("dashboard"), "/v1/health").body["status"] == "ok"
    assert "The Bookshop" in str(get(demo.address("shop")).body)


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")])
def test_people_with_a_browser_find_read_and_order(demo: Demo, width: int, scheme: Literal["dark", "light"]) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser: install one of {', '.join(BROWSERS)} to test the shop's pages")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: make build installs it")
    wrong: list[str] = []
    with playwright.sync_playwright() as steering:
        # Tests may run as root, for whom Chromium has no sandbox; what it shows is ours.
        page = steering.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page(
            viewport={"width": width, "height": 800}, color_scheme=scheme
        )
        page.on("console", lambda message: wrong.append(message.text))
        page.on("requestfailed", lambda request: wrong.append(request.url))

        def fits() -> bool:
            return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

        page.goto(f"http://{demo.address('shop')}/")
        assert page.locator(".grid img").count() == 12 and fits()
        page.fill("input[name=q]", "verne")
        page.press("input[name=q]", "Enter")
        page.click("text=Twenty Thousand Leagues")
        page.wait_for_selector("text=Readers of this book also liked")
        assert page.locator("img").evaluate_all("all => all.every(img => img.naturalWidth > 0)") and fits()
        page.click("text=Put into the basket")
        page.fill("input[name=name]", "Zoë <b>")
        assert fits()
        page.click("text=Order now")
        page.wait_for_selector("h1:text('Thank you, Zoë <b>.')")
        assert fits()
    assert wrong == []


def test_the_canary_is_shifted_and_back(demo: Demo) -> None:
    apply, stat, back = demo.commands(1)

    def share() -> float:
        with Mesh.connect(f"http://{demo.address('dashboard')}") as mesh:
            counts = Counter({edge.destination.version: 0 for edge in mesh.edges(1, "version")})
            for edge in mesh.edges(3, "version"):
                if edge.destination.service == "default/reviews":
                    counts[edge.destination.version] += edge.requests
        return counts["v3"] / max(sum(counts.values()), 1)

    assert "HTTPRoute/default/reviews-versions  configured" in demo.typed(apply)
    until(lambda: 'stars gold"' in demo.page() and share() > 0.3, "coloured stars for many")
    assert "reviews v3" in demo.typed(stat)
    done = demo.type(back)
    assert "1 resource changed" in done.stderr
    assert "restarted" not in done.stderr and done.returncode == 0


def test_broken_ratings_cost_stars_and_no_reader(demo: Demo) -> None:
    touch, look, stat, back = demo.commands(2)
    assert "stars black" in demo.pages()
    demo.typed(touch)
    assert "No stars at the moment" in demo.typed(look)
    assert "default/ratings" in demo.typed(stat)
    demo.typed(back)
    until(lambda: "stars black" in demo.page(), "stars again")


def test_a_caller_is_forbidden_and_told_by_which_line(demo: Demo) -> None:
    apply, explain, back = demo.commands(3)
    assert "also liked" in demo.page()
    demo.typed(apply)
    until(lambda: "also liked" not in demo.page(), "pages without recommendations")
    told = demo.typed(explain)
    assert "⇒ 403 access-denied  [AccessPolicy/default/no-recommendations/0 at tries/forbid.yaml:9]" in told
    demo.typed(back)
    until(lambda: "also liked" in demo.page(), "recommendations again")


def test_a_killed_replica_is_started_again(demo: Demo) -> None:
    kill, logs = demo.commands(4)
    asked = re.search(r"\$\((.*)\)", kill)
    assert asked
    before = demo.typed(asked[1])
    demo.typed(kill)
    assert "the app was ended by SIGKILL" in demo.typed(logs)
    assert until(lambda: demo.type(asked[1]).stdout, "its successor") != before
    until(lambda: any("catalogue-1: the app was ended by SIGKILL" in line for line in demo.errors), "a word of it")
    events = "weft events catalogue-1 --kind app-restarted"
    until(lambda: "the app was ended by SIGKILL" in demo.type(events).stdout, "an event of it")


def test_who_is_refused_is_an_event(demo: Demo) -> None:
    told = "default/intern-0: access-denied; `weft explain --from default/intern-0"
    until(lambda: told in demo.type("weft events --kind refused -o json").stdout, "the intern")


def test_a_failed_request_says_why(demo: Demo) -> None:
    fail, explain = demo.commands(5)
    answer = demo.typed(fail)
    assert answer.startswith("HTTP/1.1 403 ") and "weft-reason: access-denied" in answer
    told = demo.typed(explain)
    assert re.search(r"rule +AccessPolicy/default/orders-are-not-counted/0 at /\S+/policies/orders.yaml:\d+", told)
    assert "default/gateway\n" in told and "default/orders-0\n" in told


def test_after_all_that_no_user_saw_an_error_and_nothing_is_left(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(PATIENCE_S) == 0
    until(lambda: demo.errors[-1].startswith("meanwhile: "), "the last word")
    assert demo.errors[-1].endswith(" requests, 100 % as they should be\n"), demo.errors
    assert processes_below(demo.folder) == []
    assert [path.name for path in demo.folder.iterdir()] == ["bin"]


def run(world: World, *options: str, path: str = "") -> subprocess.CompletedProcess[str]:
    env = {**world.env, **({"PATH": path} if path else {})}
    command = [sys.executable, "-m", "weft.cli", "demo", *own(world), *options]
    return subprocess.run(command, env=env, text=True, capture_output=True, check=False, timeout=3 * PATIENCE_S)


def test_with_a_duration_it_measures_what_people_and_proxies_saw(world: World) -> None:
    done = run(world, "--duration", "25", "--rate", "4", "-o", "json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    keys = ["requests", "success_rate", "edges", "versions", "retries_saved", "ejections", "refused"]
    assert list(shown) == keys
    assert shown["requests"] > 100 and shown["success_rate"] >= 0.999
    edges = {(edge["source"], edge["destination"]): edge for edge in shown["edges"]}
    assert {edge["tls"] for edge in edges.values() if edge["meshed"]} == {"mtls"}
    assert edges["default/baskets", "default/store"]["requests"] > 0  # TCP
    entered = sum(edge["requests"] for (source, _), edge in edges.items() if source == "default/gateway")
    assert entered >= shown["requests"]
    assert set(shown["versions"]["default/reviews"]) == {"v1", "v2", "v3"}
    assert shown["ejections"] > 0 and shown["refused"] > 0 and shown["retries_saved"] > 0
    assert ("default/intern-0", "default/ratings") in edges
    assert processes_below(world.folder) == []
    assert [path for path in world.folder.iterdir() if path.name.startswith("weft-")] == []


def test_without_node_its_twin_takes_part_and_that_is_said(world: World, tmp_path: Path) -> None:
    """A PATH with everything that the demo needs, and no node."""
    for name in ("python3", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = run(world, "--duration", "5", path=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("node 16 or later is not installed: recommendations is its twin in Python")
    assert re.search(r"^storefront +recommendations +mTLS +\d+ +100.0 %", done.stdout, re.MULTILINE), done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_killed_it_leaves_nothing(world: World) -> None:
    demo = Demo(world)
    demo.process.send_signal(signal.SIGKILL)
    demo.process.wait(PATIENCE_S)
    until(lambda: processes_below(demo.folder) == [], "no process of it")
    until(lambda: not [p for p in demo.folder.iterdir() if p.name.startswith("weft-")], "no folder of it")


def test_a_port_that_somebody_has_is_an_error_that_names_it(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(world, "--port", str(port), "--duration", "1")
    assert done.returncode == 1
    assert f"error: 127.0.0.1:{port} is in use" in done.stderr
