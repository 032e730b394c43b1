"""`weft up` in a real terminal: what stands on the screen, and that Ctrl-C there leaves nothing behind."""

import codecs
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.conftest import PATIENCE_S, World, get, processes_below
from tests.e2e.test_up import APP, free_port, kept, left
from tests.run.terminal import Terminal
from weft.run.sys_ports import listeners

# Listens once somebody has written into the pipe of its name.
GATED = f"open(__file__ + '.gate').read()\n{APP}"
CTRL_C = b"\x03"


_SCREENS = count(1)


def addresses() -> list[str]:
    """Of a controller that shares no port with anybody: a loopback address of its own."""
    host = f"127.204.{os.getpid() % 250 + 1}.{next(_SCREENS)}"
    return ["--rest-address", f"{host}:15080", "--grpc-address", f"{host}:15010"]


class Screen:
    """`weft up` with a terminal as its own, and what is seen there."""

    def __init__(self, world: World, columns: int, env: Mapping[str, str]) -> None:
        self._ours, its = pty.openpty()
        self._width(its, columns)
        self.terminal = Terminal(columns)
        self.raw = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "weft.cli", "up", "-f", str(world.folder / "weft.yaml"), *addresses()],
            env={**world.env, "TERM": "xterm-256color", **env},
            text=True,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        world.processes.append(self.process)
        os.close(its)

    def until(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """What stands there once `seen` says so; or at the end, for None."""
        while not seen(self.terminal.lines):
            try:
                text = self._decoder.decode(os.read(self._ours, 65536))
            except OSError:  # Linux: the last process of this terminal has ended
                break
            self.raw += text
            self.terminal.feed(text)
        return self.terminal.lines

    def resize(self, columns: int) -> None:
        self._width(self._ours, columns)
        self.terminal.resize(columns)

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def rest(self) -> list[str]:
        lines = self.until(lambda lines: False)
        os.close(self._ours)
        return lines

    @staticmethod
    def _width(descriptor: int, columns: int) -> None:
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.fixture
def gate(world: World) -> Path:
    """`weft.yaml` of two services, the second of which depends on the first, and the pipe that the first waits for."""
    (world.folder / "app.py").write_text(APP)
    (world.folder / "slow.py").write_text(GATED)
    gate = world.folder / "slow.py.gate"
    os.mkfifo(gate)
    slow, shop = ([sys.executable, str(world.folder / f"{name}.py")] for name in ("slow", "app"))
    services = {
        "storefront": {"command": shop, "port": 80, "publish": free_port(), "depends_on": ["warehouse"]},
        "warehouse": {"port": 80, "versions": {"v1": {"command": slow}}},
    }
    (world.folder / "weft.yaml").write_text(json.dumps({"services": services}))
    return gate


def header(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("SERVICE ")]


def refused(lines: list[str]) -> bool:
    """What is seen of a service that does not listen yet."""
    return any(line.startswith("warehouse ") and "unhealthy" in line for line in lines)


def ready(lines: list[str]) -> bool:
    return any("all ready" in line for line in lines)


def below_header(lines: list[str]) -> list[str]:
    at = lines.index(header(lines)[-1])
    return [" ".join(line.split()) for line in lines[at : at + 4]]


@pytest.mark.parametrize(
    ("columns", "head", "rows"),
    [
        (
            80,
            "SERVICE VERSION STATE HEALTH MTLS",
            ["storefront - ready healthy yes", "warehouse v1 ready healthy yes", "edge - ready healthy yes"],
        ),
        (
            40,
            "SERVICE STATE HEALTH MTLS",
            ["storefront ready healthy yes", "warehouse ready healthy yes", "edge ready healthy yes"],
        ),
    ],
)
def test_the_table_fits_the_terminal_and_stays(
    world: World, gate: Path, columns: int, head: str, rows: list[str]
) -> None:
    screen = Screen(world, columns, {"NO_COLOR": "1"})
    waiting = screen.until(refused)
    assert len(header(waiting)) == 1
    assert any(line.startswith("storefront ") and "waiting" in line for line in waiting)
    gate.write_text("go")
    assert below_header(screen.until(ready)) == [head, *rows]
    screen.press(CTRL_C)
    end = screen.rest()
    assert screen.process.wait(PATIENCE_S) == 0
    assert len(header(end)) == 1 and below_header(end) == [head, *rows]
    assert "\033[3" not in screen.raw


def test_a_terminal_that_becomes_narrow_meanwhile_shows_one_table(world: World, gate: Path) -> None:
    screen = Screen(world, 100, {})
    screen.until(refused)
    screen.resize(40)
    gate.write_text("go")
    lines = screen.until(ready)
    assert below_header(lines)[1:] == [
        "storefront ready healthy yes",
        "warehouse ready healthy yes",
        "edge ready healthy yes",
    ]
    assert len(header(lines)) == 1
    assert "\033[32mready\033[0m" in screen.raw
    screen.press(CTRL_C)
    screen.rest()
    assert screen.process.wait(PATIENCE_S) == 0


def test_ctrl_c_during_the_start_leaves_the_table_as_it_was_and_nothing_else(world: World, gate: Path) -> None:
    screen = Screen(world, 80, {"NO_COLOR": "1"})
    screen.until(refused)
    screen.press(CTRL_C)
    lines = screen.rest()
    assert screen.process.wait(PATIENCE_S) == 0
    at = lines.index(header(lines)[0])
    assert any(line.startswith("weft ") and line.endswith("| stopping") for line in lines[at:])
    assert len(header(lines)) == 1 and not ready(lines)
    assert processes_below(world.folder) == []
    assert (left(world), kept(world)) == ([], [])


def test_a_terminal_that_cannot_go_back_gets_lines(world: World, gate: Path) -> None:
    screen = Screen(world, 80, {"TERM": "dumb", "NO_COLOR": "1"})
    gate.write_text("go")
    lines = screen.until(ready)
    assert header(lines) == []
    assert any(line.startswith("weft ") and "| storefront-0 ready after " in line for line in lines)
    screen.press(CTRL_C)
    screen.rest()
    assert screen.process.wait(PATIENCE_S) == 0
    assert "\033" not in screen.raw


def test_one_that_dies_is_in_the_table_with_its_error_and_shows_its_last_lines(world: World, gate: Path) -> None:
    says = "import sys; [print('line', i) for i in range(40)]; sys.exit('No module named flask')"
    file = world.folder / "weft.yaml"
    written = json.loads(file.read_text())
    written["services"]["dies"] = {"command": [sys.executable, "-c", says], "port": 80}
    file.write_text(json.dumps(written))
    screen = Screen(world, 80, {"NO_COLOR": "1"})
    lines = screen.rest()
    assert screen.process.wait(PATIENCE_S) == 1
    (row,) = (line for line in lines if line.startswith("dies "))
    # How much of it fits depends on how far the others were.
    assert "failed (1)" in row and "  No module named" in row
    last = lines[lines.index("last lines:") + 1 : lines.index("error: dies-0 ended with exit status 1")]
    assert len([line for line in last if line.strip()]) >= 20 and "  No module named flask" in last
    assert any(line.startswith("hint: its last lines are above; try its command alone") for line in lines)
    assert processes_below(world.folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for sockets")
def test_ctrl_c_leaves_no_process_no_socket_and_no_file(world: World, gate: Path) -> None:
    before = sorted(path.name for path in world.folder.iterdir())
    screen = Screen(world, 80, {})
    gate.write_text("go")
    screen.until(ready)
    ours = descendants(screen.process.pid)
    mine = {each.inode for each in listeners() if each.pid in ours}
    assert len(mine) >= 8  # of the controller three, of each app one, of each proxy more
    assert unix_sockets(world) != []
    assert get(f"127.0.0.1:{json.loads((world.folder / 'weft.yaml').read_text())['services']['storefront']['publish']}")
    screen.press(CTRL_C)
    screen.rest()
    assert screen.process.wait(PATIENCE_S) == 0
    assert processes_below(world.folder) == []
    assert mine & {each.inode for each in listeners()} == set()
    assert unix_sockets(world) == []
    assert (left(world), kept(world)) == ([], [])
    after = {path.name for path in world.folder.iterdir()} - {"state"}
    assert sorted(after) == before
    assert [path for path in (world.folder / "state").rglob("*") if not path.is_dir()] == []


def descendants(pid: int) -> set[int]:
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(map(int, line.split()) for line in listing.splitlines())
    found, fresh = {pid}, {pid}
    while fresh := {child for child, parent in parents.items() if parent in fresh} - found:
        found |= fresh
    return found


def unix_sockets(world: World) -> list[str]:
    return [line for line in Path("/proc/net/unix").read_text().splitlines() if str(world.folder) in line]
