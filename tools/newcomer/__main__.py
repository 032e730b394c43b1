"""`make newcomer`: an empty directory, README, the tour and a second machine; fails at the first message that is wrong.

    python -m tools.newcomer              clones this checkout and builds all of it, as README says
    python -m tools.newcomer --wheel F    installs that wheel into an empty virtual environment instead

It prints how long it took from there to a graph of live traffic. Packages are downloaded as pip, cargo and npm are set
up here; nothing that this checkout has compiled is used.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from tests.docs.follow import Reader, Wrong
from tests.docs.machine import Broken, Machine
from tests.docs.page import Block, blocks
from tools.newcomer import judge

ROOT = Path(__file__).resolve().parents[2]
# What follows the demo, on machines of their own.
PAGES = ("docs/tour.md", "docs/how-to/second-machine.md")
# Two cores, everything compiled; and a wheel that only has to be unpacked.
GOAL_S, WHEEL_GOAL_S = 360.0, 60.0
BUILD_S = 3000.0
OPENED = "The dashboard:"
THING = re.compile(r"^(\d)\. (.*)$")
TYPED = re.compile(r"^ {5}(\S.*)$")
# Typed in the machine, with the browser that tests/web steers: a graph is live once its edges have rates.
LOOK = """
import sys
from playwright.sync_api import sync_playwright
with sync_playwright() as steering:
    browser = steering.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto(sys.argv[2] + "/ui/graph")
    page.get_by_text("/s").first.wait_for(timeout=60_000)
    print(page.locator(".label").count(), "edges")
"""


class Fault(Exception):
    """What a newcomer would have stumbled over."""


class Newcomer:
    def __init__(self, folder: Path, say: Callable[[str], object]) -> None:
        self._folder, self._say = folder, say
        self._began, self._machines = time.monotonic(), 0
        # Of what is installed; from then on.
        self._commands = folder

    # ------------------------------------------------------------------------------------------------- install

    def clone(self) -> None:
        """README's way: `git clone`, `make build`."""
        source = self._folder / "source"
        self._ran("git", "clone", "--quiet", str(ROOT), str(source), within=self._folder)
        self._ran("make", "build", within=source)
        self._commands = source / ".venv" / "bin"

    def install(self, wheel: Path) -> None:
        self._ran(sys.executable, "-m", "venv", "venv", within=self._folder)
        self._commands = self._folder / "venv" / "bin"
        pip = [str(self._commands / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        self._ran(*pip, str(wheel.resolve()), within=self._folder)

    def _ran(self, *command: str, within: Path) -> None:
        # Nothing that this checkout has compiled, or says of itself.
        ours = ("WEFT_", "CARGO_TARGET", "PYTHON", "PYO3", "VIRTUAL", "MAKE", "MFLAGS")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        done = subprocess.run(
            command,
            cwd=within,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_S,
            check=False,
        )
        said = f"$ {' '.join(command)}\n{done.stdout}"
        if done.returncode:
            raise Fault(f"it ended with {done.returncode}:\n{said}")
        self._judge(said)
        self._say(f"{self._seconds()}  {' '.join(map(os.path.basename, command[:3]))}")

    # ------------------------------------------------------------------------------------------------- the demo

    def demo(self, command: str) -> float:
        """The five things, as printed. Seconds from the beginning to a live graph."""
        with self._machine() as machine:
            machine.start(command, OPENED)
            text = machine.said(0)
            graph_s = self._graph(machine, text)
            self._believe(machine, text)
            for title, commands in things(text):
                for each in commands:
                    self._type(machine, each)
                self._say(f"{self._seconds()}  {title}")
            machine.stop_background()
            self._judge(machine.said(0))
            if left := [*machine.left().values(), *map(str, machine.files())]:
                raise Fault("Ctrl-C leaves behind:\n" + "\n".join(left))
        return graph_s

    def _graph(self, machine: Machine, text: str) -> float:
        browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if browser is None:
            raise Fault("no browser to look at the graph with: apt-get install chromium")
        address = text.partition(OPENED)[2].split()[0]
        script = machine.folder / "look.py"
        script.write_text(LOOK)
        _, said = self._typed(machine, f"{sys.executable} {script} {browser} {address}")
        took = time.monotonic() - self._began
        self._say(f"{self._seconds()}  a live graph at {address}: {said.strip()}")
        return took

    # ------------------------------------------------------------------------------------------------- the docs

    def follow(self, page: str) -> None:
        """Block by block, with what was installed; its answers are judged too."""
        with self._machine() as machine:
            reader = Reader(machine, strict=True, another=self._another, listener=self._believe)
            try:
                self._follow(reader, blocks(ROOT / page))
            finally:
                reader.close()
        self._say(f"{self._seconds()}  {page}")

    def _follow(self, reader: Reader, todo: Sequence[Block]) -> None:
        if any("on the second machine" in block.said for block in todo):
            reader.add_second()
        for block in todo:
            try:
                reader.follow(block)
            except (Wrong, Broken) as error:
                raise Fault(f"{block.place}: {error}") from error
        reader.end()

    # ------------------------------------------------------------------------------------------------- judging

    def _type(self, machine: Machine, command: str) -> str:
        status, said = self._typed(machine, command)
        if status:
            raise Fault(f"`{command}` ended with {status}:\n{said}")
        self._believe(machine, said)
        return said

    def _typed(self, machine: Machine, command: str) -> tuple[int, str]:
        status, said = machine.type(command)
        self._judge(f"$ {command}\n{said}")
        return status, said

    def _judge(self, said: str) -> None:
        for fault in judge.faults(said):
            raise Fault(f"{fault}\n\n{said}")

    def _believe(self, machine: Machine, said: str) -> None:
        """Right away: what it names may be gone a command later."""
        self._judge(said)
        @cache
        def help_of(path: str) -> str | None:
            status, text = machine.type(f"weft {path} --help")
            return None if status else text

        wrong = [*judge.untrue_commands(judge.commands(said), lambda path: help_of(" ".join(path)))]
        wrong += judge.untrue_origins(said, [machine.here])
        for address in sorted(judge.addresses(said)):
            # No request: pages count those.
            host, _, port = urlsplit(address).netloc.rpartition(":")
            status, answer = machine.type(f"timeout 10 bash -c 'exec 3<>/dev/tcp/{host.strip('[]')}/{port}'")
            if status:
                wrong.append(f"{address}: {answer}")
        if wrong:
            raise Fault("\n".join(wrong) + f"\n\nis named in\n\n{said}")

    @contextmanager
    def _machine(self) -> Iterator[Machine]:
        self._machines += 1
        machine = self._another(self._folder / f"m{self._machines}")
        try:
            yield machine
        finally:
            machine.close()

    def _another(self, folder: Path) -> Machine:
        return Machine(folder, self._commands)

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._began:6.1f} s"


def things(text: str) -> Iterator[tuple[str, list[str]]]:
    """What `weft demo` prints: what another terminal needs first, then five titles, each with what is typed."""
    found: list[tuple[str, list[str]]] = [("what another terminal needs", [])]
    for line in text.splitlines():
        if thing := THING.match(line):
            found.append((thing[2], []))
        elif typed := TYPED.match(line):
            found[-1][1].append(typed[1])
    if len(found) != 6:
        raise Fault(f"these are not five things to try:\n{text}")
    yield from found


def main() -> int:
    parser = argparse.ArgumentParser(prog="make newcomer", description=__doc__)
    parser.add_argument("--wheel", type=Path)
    wheel = parser.parse_args().wheel
    goal = WHEEL_GOAL_S if wheel else GOAL_S
    # Short: the path of a unix socket has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="n", dir="/tmp"))
    try:
        newcomer = Newcomer(folder, lambda text: print(text, flush=True))
        newcomer.install(wheel) if wheel else newcomer.clone()
        graph_s = newcomer.demo("weft demo" if wheel else f"make -C {folder}/source demo")
        for page in PAGES:
            newcomer.follow(page)
    except (Fault, Broken) as fault:
        print(f"error: {fault}\n\nhint: a newcomer would have stopped here", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"from {'a wheel' if wheel else 'git clone'} to a live graph: {graph_s:.0f} s (goal: {goal:.0f} s)")
    return 0 if graph_s <= goal else 1


if __name__ == "__main__":
    sys.exit(main())
