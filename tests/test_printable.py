import json

import pytest

from weft.printable import in_line, json_text, printable


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("GET /ä/日本/🦊", "GET /ä/日本/🦊"),
        ("two\n\tlines", "two\n\tlines"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "?]0;title?"),
        ("\x1b[2J\x1b[1;1H", "?[2J?[1;1H"),
        # The same in one character, as terminals take it, too.
        ("\x9b2J\x85", "?2J?"),
        ("a\rb\bc\x7f", "a?b?c?"),
        # Shown as "txt.exe".
        ("\u202eexe.txt", "?exe.txt"),
        ("1\u00a0000", "1 000"),
        ("1\u2028", "1 "),
    ],
)
def test_nothing_steers_the_terminal(given: str, shown: str) -> None:
    assert printable(given) == shown


@pytest.mark.parametrize("indent", [None, 2])
def test_json_means_the_same(indent: int | None) -> None:
    value = {"path": "/\x1b[2J\x9b2J\x7f\u202e\U000e0001", "name": "ä🦊", "n": [1]}
    text = json_text(value, indent)
    assert json.loads(text) == value and "ä🦊" in text
    assert all(char.isprintable() or char == "\n" for char in text)


def test_one_line_cannot_pretend_to_be_two() -> None:
    assert in_line("a\nGET\t/") == "a GET /"
