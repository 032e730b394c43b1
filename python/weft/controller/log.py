"""Log lines: for people on stderr ("error: …", then "hint: …"), or one JSON object each."""

from __future__ import annotations

import json
import logging
import sys
from typing import Literal


class TextFormat(logging.Formatter):
    """ "12:03:04 warning: …"; what is ordinary has no level."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        text = f"{self.formatTime(record, '%H:%M:%S')} {level}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormat(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class Stderr(logging.Handler):
    """To stderr as it is when a line comes: whoever has replaced it since may have closed the first."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except OSError:
            pass  # whoever read it has left; that is no reason to stop
        except Exception:
            self.handleError(record)


def configure(kind: Literal["text", "json"], level: int = logging.INFO) -> None:
    handler = Stderr()
    handler.setFormatter(JsonFormat() if kind == "json" else TextFormat())
    root = logging.getLogger("weft")
    root.handlers, root.propagate = [handler], False
    root.setLevel(level)


def failure(error: Exception) -> str:
    """A failure at the start, as the CLI would say it."""
    hint = getattr(error, "hint", "")
    return f"error: {error}" + (f"\n\nhint: {hint}" if hint else "")
