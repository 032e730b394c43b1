"""The compiler's process without the core's judgement, and with a handle to break it: to test what is around it."""

from __future__ import annotations

import os
import sys

from weft.controller.worker import Worker, serve


def check(kind: str, message: bytes) -> str | None:
    if b"please-crash" in message:
        os._exit(17)
    return "the core refuses it" if b"please-refuse" in message else None


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers, Worker(check))
