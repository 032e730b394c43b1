import errno
import io
from pathlib import Path

import pytest

from tests.run.terminal import Terminal as Emulated
from weft.run.board import Row
from weft.run.display import Display
from weft.run.logfile import LogFile, read


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_have_their_name_and_messages_go_elsewhere() -> None:
    out, messages = io.StringIO(), io.StringIO()
    display = Display(["web", "reviews-v1-0"], out, messages)
    display.line("web", "hello")
    display.message("all ready")
    assert out.getvalue() == "web          | hello\n"
    assert messages.getvalue() == "weft         | all ready\n"


def test_an_app_steers_no_terminal() -> None:
    out, messages = io.StringIO(), io.StringIO()
    display = Display(["web"], out, messages)
    display.line("web", "\x1b[2J\x1b[31mhello")
    display.message("  \x1b]0;title\x07hello")
    assert out.getvalue() == "web | \x1b[31mhello\x1b[0m\n"
    assert messages.getvalue() == "weft |   hello\n"


@pytest.mark.parametrize(("no_colour", "coloured"), [(None, True), ("1", False)])
def test_colour_only_in_a_terminal_that_wants_it(
    monkeypatch: pytest.MonkeyPatch, no_colour: str | None, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_colour:
        monkeypatch.setenv("NO_COLOR", no_colour)
    out = Terminal()
    Display(["web"], out, io.StringIO()).line("web", "hello")
    assert ("\033[" in out.getvalue()) is coloured
    assert "hello" in out.getvalue()


def test_a_long_name_widens_no_other_line() -> None:
    out = io.StringIO()
    display = Display(["a", "b" * 60], out, io.StringIO())
    display.line("a", "hello")
    display.line("b" * 60, "hello")
    assert out.getvalue().splitlines() == [f"{'a':<24} | hello", f"{'b' * 60} | hello"]


class Gone(io.StringIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.EIO, "terminal closed"), ValueError("closed file")])
def test_a_reader_that_left_stops_nothing(error: Exception) -> None:
    display = Display(["web"], Gone(error), Gone(error))
    display.line("web", "hello")
    display.message("hello")


class Console(Terminal):
    """Not a file: its size is the usual one."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation


READY = [Row("a", state="ready")]


def on_one_screen(monkeypatch: pytest.MonkeyPatch, term: str = "xterm") -> tuple[Console, Display]:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", "1")
    both = Console()
    return both, Display(["web"], both, both)


def test_the_table_stands_below_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    both, display = on_one_screen(monkeypatch)
    display.table([Row("a", state="starting")])
    display.line("web", "hello")
    display.step("a ready after 1.0 s")
    display.end_table(READY)
    display.message("all ready")
    seen = Emulated(80)
    seen.feed(both.getvalue())
    assert seen.lines == ["web | hello", "SERVICE  STATE", "a        ready", "weft | all ready", ""]


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_go_back_gets_lines(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    both, display = on_one_screen(monkeypatch, term)
    display.table([Row("a", state="starting")])
    display.step("a ready after 1.0 s")
    display.end_table(READY)
    assert both.getvalue() == "weft | a ready after 1.0 s\n"


def test_where_lines_go_elsewhere_there_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Console()
    Display(["web"], io.StringIO(), screen).table(READY)
    Display(["web"], screen, io.StringIO()).table(READY)
    assert screen.getvalue() == ""


def test_what_the_table_shows_is_kept_in_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, display = on_one_screen(monkeypatch)
    display.log = LogFile(tmp_path / "log", lambda: 0.0)
    display.step("a ready after 1.0 s")
    assert [line.text for line in read(tmp_path / "log")] == ["a ready after 1.0 s"]
