"""Log lines."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from weft.controller.log import JsonFormat, TextFormat, configure, failure
from weft.controller.options import OptionError


def record(level: int, text: str, exc_info: bool = False) -> logging.LogRecord:
    error = ValueError("why")
    found = (ValueError, error, None) if exc_info else None
    return logging.LogRecord("weft.x", level, "f.py", 1, text, (), found)


def test_people_read_what_is_ordinary_without_a_level() -> None:
    lines = [TextFormat().format(record(level, "it is so")) for level in (logging.INFO, logging.WARNING, logging.ERROR)]
    assert [line[9:] for line in lines] == ["it is so", "warning: it is so", "error: it is so"]
    assert "ValueError: why" in TextFormat().format(record(logging.ERROR, "x", exc_info=True))


def test_machines_read_one_object_per_line() -> None:
    fields = json.loads(JsonFormat().format(record(logging.ERROR, "two\nlines", exc_info=True)))
    assert fields["level"] == "error" and fields["logger"] == "weft.x" and fields["message"] == "two\nlines"
    assert "ValueError" in fields["exception"]


def test_a_failure_has_its_hint_after_an_empty_line() -> None:
    assert failure(OptionError("no", "yes")) == "error: no\n\nhint: yes"
    assert failure(ValueError("no")) == "error: no"


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """The one that `configure` changes, as it was afterwards."""
    found = logging.getLogger("weft")
    before, propagate, level = found.handlers, found.propagate, found.level
    yield found
    found.handlers, found.propagate = before, propagate
    found.setLevel(level)


def test_logging_goes_to_stderr_once(logger: logging.Logger) -> None:
    configure("json")
    configure("text")
    assert len(logger.handlers) == 1 and not logger.propagate


def test_lines_go_to_what_stderr_is_at_that_moment(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    configure("text")
    first.close()
    monkeypatch.setattr(sys, "stderr", second)
    logging.getLogger("weft.controller").warning("%s rejected %s", "default/a-0", "x")
    assert second.getvalue()[9:] == "warning: default/a-0 rejected x\n"
