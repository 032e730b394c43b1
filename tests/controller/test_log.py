"""Log lines."""

from __future__ import annotations

import json
import logging

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


def test_logging_goes_to_stderr_once(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("weft")
    before, propagate, level = logger.handlers, logger.propagate, logger.level
    configure("json")
    configure("text")
    assert len(logger.handlers) == 1 and not logger.propagate
    logger.handlers, logger.propagate = before, propagate
    logger.setLevel(level)
