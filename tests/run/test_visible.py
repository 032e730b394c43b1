import pytest

from weft.run.visible import visible


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain, and ünïcödé 🎉", "plain, and ünïcödé 🎉"),
        ("a\tb", "a\tb"),
        ("\x1b[31mred\x1b[0m and not", "\x1b[31mred\x1b[0m and not\x1b[0m"),
        ("\x1b[1;38:5:196mred", "\x1b[1;38:5:196mred\x1b[0m"),
        ("\x1b[31mred\x1b[m", "\x1b[31mred\x1b[m"),
        ("a\x1b[2J\x1b[Hb", "ab"),
        ("\x1b]0;another title\x07a", "a"),
        ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0\x1b\\a\x1b(Bb\x1bc", "ab"),
        ("\x1b]0;without end", ""),
        ("10 %\r20 %\r30 %", "30 %"),
        ("done\r", "done"),
        ("a\x00b\x07c\x9bd\x7f", "a?b?c?d?"),
        ("\x1b", "?"),
    ],
)
def test_colours_stay_and_nothing_steers_the_terminal(line: str, shown: str) -> None:
    assert visible(line) == shown
