"""What everything in one `weft up` has said: one file, a line each with its time and its name, with a limit.

One file and not one each: what happened before what is the question that logs are read for.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

# The last hours of a dozen services that log each request; twice this is the most that stays.
MAX_BYTES = 10 * 1024 * 1024
BEFORE = ".1"
# Each look is one stat of a file.
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Line:
    time: str
    name: str
    text: str


class LogFile:
    """For the one process that writes. A full disk costs lines, nothing else."""

    def __init__(self, path: Path, now: Callable[[], float], max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._now = now
        self._max_bytes = max_bytes
        self._file = _appending(path)
        self._size = path.stat().st_size

    def write(self, name: str, text: str) -> None:
        time = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = f"{time} {name} {text}\n".encode(errors="replace")
        with contextlib.suppress(OSError, ValueError):
            if self._size + len(line) > self._max_bytes:
                self._rotate()
            self._file.write(line)
            self._file.flush()
            self._size += len(line)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        self._path.replace(_before(self._path))
        self._file = _appending(self._path)
        self._size = 0


def read(path: Path) -> Iterator[Line]:
    """All that is kept, the oldest first."""
    yield from _kept(_before(path))
    yield from _kept(path)


def follow(path: Path, alive: Callable[[], bool], pause: Callable[[float], object]) -> Iterator[Line]:
    """All that is kept and all that comes, until whoever writes is no longer `alive`."""
    yield from _kept(_before(path))
    file = path.open("rb")
    rest = b""
    try:
        while True:
            last = not alive()
            while chunk := file.readline():
                rest += chunk
                if rest.endswith(b"\n"):
                    yield _line(rest)
                    rest = b""
            if _replaced(path, file.fileno()):
                file.close()
                file = path.open("rb")
            elif last:
                return
            else:
                pause(LOOK_EVERY_S)
    except FileNotFoundError:
        return  # it has ended, and has taken its files along
    finally:
        file.close()


def _appending(path: Path) -> IO[bytes]:
    """What apps say is for nobody else."""
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _kept(path: Path) -> Iterator[Line]:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        yield from map(_line, file)


def _replaced(path: Path, descriptor: int) -> bool:
    ours = os.fstat(descriptor)
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (now.st_ino, now.st_dev) != (ours.st_ino, ours.st_dev)


def _before(path: Path) -> Path:
    return path.with_name(path.name + BEFORE)


def _line(line: bytes) -> Line:
    time, _, rest = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
    name, _, text = rest.partition(" ")
    return Line(time, name, text)
