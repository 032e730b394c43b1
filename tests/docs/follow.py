"""Does what a page says, block by block, and says where the page is wrong."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from tests.docs.machine import Broken, Machine, connect, until
from tests.docs.page import ROOT, TYPED, Block, Step, blocks, typed
from tests.docs.shown import answers

# Commands that only look: a mesh hears of traffic once a second, so they are asked until they say what is shown.
LOOKING = (
    "curl", "weft certs", "weft check", "weft edges", "weft events", "weft explain", "weft get", "weft graph",
    "weft history", "weft logs", "weft ps", "weft stat", "weft status", "weft workloads",
)  # fmt: skip
LOOK_S = 20.0
# What is written into a page is what is there once the mesh has heard of it.
SETTLE_S = 3.0
# What was told to end may take this long; then it is left.
END_S = 3.0


class Wrong(Exception):
    """The page says something that is not so."""


class Reader:
    """Follows one page on one machine, or two. `heard` is what each step answered, by its line.

    Not `strict`, it takes any answer: see rewrite.py.
    """

    def __init__(
        self,
        first: Machine,
        strict: bool,
        another: Callable[[Path], Machine] = Machine,
        listener: Callable[[Machine, str], object] = lambda machine, said: None,
    ) -> None:
        self.first, self.strict, self._another, self._listener = first, strict, another, listener
        self.second: Machine | None = None
        self.heard: dict[int, str] = {}

    def follow(self, block: Block) -> None:
        if block.not_run is not None:
            return
        machine = self._machine(block)
        for said in block.said:
            if said.startswith("copy "):
                self._copy(said.split()[1])
        if block.title:
            target = machine.here / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.language in TYPED:
            for step in typed(block):
                self._do(machine, block, step)
        elif block.language == "python":
            script = machine.folder / "shown.py"
            script.write_text(block.text, encoding="utf-8")
            self._do(machine, block, Step(f"{sys.executable} {script}", block.line))

    def _do(self, machine: Machine, block: Block, step: Step) -> None:
        place = f"{block.place.rpartition(':')[0]}:{step.line}: `{step.command}`"
        if ready := block.told("in the background until "):
            machine.start(step.command, ready)
            return
        wanted, vary = int(block.told("ends with ") or 0), "numbers vary" in block.said

        def fits(status: int, said: str) -> bool:
            return status == wanted and (step.shown is None or answers(step.shown, said, vary))

        status, said = machine.type(step.command)
        deadline, pause = time.monotonic() + (LOOK_S if self.strict else SETTLE_S), Event()
        # One that is counted, such as curl, is not repeated for an answer that nobody has written down yet.
        asked = LOOKING if self.strict or step.shown is None else tuple(each for each in LOOKING if each != "curl")
        again = step.command.startswith(asked) or "asked until it says so" in block.said
        while again and not fits(status, said) and time.monotonic() < deadline:
            pause.wait(0.2)
            status, said = machine.type(step.command)
        self.heard[step.line] = said
        self._listener(machine, said)
        if status != wanted:
            raise Wrong(f"{place} ended with {status}, not {wanted}; it said:\n{said}")
        if self.strict and not fits(status, said):
            shown = "\n".join(step.shown or ())
            raise Wrong(f"{place} said\n{said}\nand not what the page shows:\n{shown}")

    def _machine(self, block: Block) -> Machine:
        if "on the second machine" not in block.said:
            return self.first
        assert self.second is not None
        return self.second

    def add_second(self) -> None:
        self.second = self._another(Path(f"{self.first.folder}2"))
        connect(self.first, self.second)

    def _copy(self, name: str) -> None:
        assert self.second is not None
        shutil.copy(self.first.here / name, self.second.here / name)

    def end(self) -> None:
        """The page's end: what goes on in the background gets Ctrl-C, and then nothing may be left running."""
        for machine in filter(None, (self.second, self.first)):
            machine.stop_background()
        with contextlib.suppress(Broken):
            until(lambda: not self._left(), "what was told to end", END_S)
        if left := self._left():
            raise Wrong("the page leaves running:\n" + "\n".join(left))

    def _left(self) -> list[str]:
        return [line for machine in (self.first, self.second) if machine for line in machine.left().values()]

    def close(self) -> None:
        for machine in filter(None, (self.second, self.first)):
            machine.close()


@contextlib.contextmanager
def reader(strict: bool = True) -> Iterator[Reader]:
    # Short: a unix socket's path has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="d", dir="/tmp"))
    folder.rmdir()
    found = Reader(Machine(folder), strict)
    try:
        # What a checkout has beside README and docs.
        shutil.copytree(ROOT / "examples", found.first.here / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        yield found
    finally:
        found.close()


def follow(page: Path, strict: bool = True) -> Reader:
    """Raises Wrong, with the line of the page."""
    todo = blocks(page)
    with reader(strict) as found:
        if any("on the second machine" in block.said for block in todo):
            found.add_second()
        for block in todo:
            try:
                found.follow(block)
            except Broken as broken:
                raise Wrong(f"{block.place}: {broken}") from broken
        found.end()
        return found
