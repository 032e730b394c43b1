"""The judge of `make newcomer` finds what a newcomer would stumble over, and nothing else."""

from pathlib import Path

import pytest

from tools.newcomer import judge

HELPS = {"": "up ps token", "up": "-d --publish", "token": "create", "token create": "--uses"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("error: port 80 is taken\n\nhint: choose another\n", None),
        ("web-0 | error: it ended\n  last line\nhint: see its log\n", None),
        ("an error: it is in the middle of a sentence", None),
        ("0 errors, all ready", None),
        ("error: a.yaml:1: no\n\nhint: yes\n\nerror: 1 problem, nothing was done\n", None),
        ("error: 1 problem, nothing was done\n", "an error without a hint: error: 1 problem, nothing was done"),
        ("error: port 80 is taken\n", "an error without a hint: error: port 80 is taken"),
        ("Traceback (most recent call last):\n  File …\n", "a traceback: Traceback (most recent call last):"),
        ("thread 'main' panicked at src/x.rs:3\n", "a panic: thread 'main' panicked at src/x.rs:3"),
        ("/a/b.py:3: DeprecationWarning: old\n", "a warning of Python's: /a/b.py:3: DeprecationWarning: old"),
        ("ConnectionRefusedError: [Errno 111]\n", "an exception's name: ConnectionRefusedError: [Errno 111]"),
        ("a\x07b", "something that is not text: a\x07b"),
        ("\x1b[1mbold\x1b[0m is text", None),
    ],
)
def test_faults(text: str, fault: str | None) -> None:
    assert list(judge.faults(text)) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("weft", None),
        ("weft up", None),
        ("weft up -d -f weft.yaml", "`weft up -d -f weft.yaml`: there is no -f"),
        ("weft up --publish web=80", None),
        ("weft up --publish=80 SERVICE", None),
        ("weft token create --uses 3 web", None),
        ("weft token [create] …", None),
        ("weft down", "`weft down`: there is no such command"),
        ("weft up -- python3 -m x", None),
    ],
)
def test_commands_that_are_named_exist(command: str, wrong: str | None) -> None:
    assert judge.commands(f"try `{command}`, or not") == {command}
    found = list(judge.untrue_commands([command], lambda path: HELPS.get(" ".join(path))))
    assert found == ([wrong] if wrong else [])


def test_lines_that_are_named_exist(tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text("a\nb\n")
    text = "written at weft.yaml:2, not at weft.yaml:3:1 or other.yaml:1; 127.0.0.1:80 is no file"
    assert list(judge.untrue_origins(text, [tmp_path])) == [
        "other.yaml:1: there is no such line",
        "weft.yaml:3: there is no such line",
    ]


def test_addresses_that_are_named_are_those_of_this_machine() -> None:
    text = "at http://127.0.0.1:80/, (http://[::1]:80/a) and `http://localhost:8/b`. Not http://example.com:80/"
    assert judge.addresses(text) == {"http://127.0.0.1:80/", "http://[::1]:80/a", "http://localhost:8/b"}
