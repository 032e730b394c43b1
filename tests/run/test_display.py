import errno
import io

import pytest

from weft.run.display import Display


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
