import pytest

from tests.run.terminal import Terminal
from weft.run.region import Region


class Screen:
    def __init__(self, columns: int) -> None:
        self.terminal = Terminal(columns)
        self.region = Region(self.terminal.feed, lambda: self.terminal.columns)

    def line(self, text: str) -> None:
        with self.region.above():
            self.terminal.feed(f"{text}\n")

    @property
    def lines(self) -> list[str]:
        assert self.terminal.lines[-1] == ""
        return self.terminal.lines[:-1]


def test_it_takes_its_own_place_again_and_lines_go_by_above() -> None:
    screen = Screen(20)
    screen.line("first")
    screen.region.show(["a", "b"])
    screen.line("second")
    assert screen.lines == ["first", "second", "a", "b"]
    screen.region.show(["c"])
    screen.line("x" * 50)
    assert screen.lines == ["first", "second", "x" * 20, "x" * 20, "x" * 10, "c"]


def test_the_same_again_is_not_written() -> None:
    written = list[str]()
    region = Region(written.append, lambda: 20)
    region.show(["a"])
    region.show(["a"])
    assert written == ["a\n"]


def test_what_has_ended_stays() -> None:
    screen = Screen(20)
    screen.region.show(["x", "y"])
    screen.terminal.feed("^C")
    screen.region.end(["a"])
    screen.line("second")
    screen.region.show(["b"])
    assert screen.lines == ["a", "second", "b"]


@pytest.mark.parametrize("narrower", [19, 7, 3, 1])
def test_a_terminal_that_became_narrower_keeps_no_pieces(narrower: int) -> None:
    screen = Screen(20)
    screen.line("hi")
    screen.region.show(["x" * 20, "", "\033[32my\033[0m" * 10])
    screen.terminal.resize(narrower)
    screen.region.show(["z"])
    assert "".join(screen.lines) == "hiz"


def test_a_terminal_that_became_wider_loses_nothing_above() -> None:
    screen = Screen(5)
    screen.line("first")
    screen.region.show(["a", "b"])
    screen.terminal.resize(50)
    screen.region.show(["c"])
    assert screen.lines == ["first", "c"]
