"""Child processes of `weft up`: started in a session of their own, their output line by line, stopped in peace.

A session of their own, so that Ctrl-C in the terminal reaches `weft up` only: who stops first is its decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

# What is shown of a process that died: enough for a Python traceback's end, not a screen.
TAIL_LINES = 20
# A longer line is cut into such pieces: a program that writes without line ends must not fill our memory.
MAX_LINE = 16 * 1024
# How long its output may outlive it: a grandchild that left the session may hold a pipe open for ever.
OUTPUT_S = 1.0

Sink = Callable[[str, str], None]


@dataclass(eq=False)
class Child:
    """One process. `start` makes it."""

    name: str
    process: asyncio.subprocess.Process
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    # Those of stderr: the two are two pipes, and which of them was read last says nothing.
    complaints: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    # One for stdout and one for stderr; they end when its output does: all lines are out then.
    reading: tuple[asyncio.Task[None], ...] = ()
    stopping: bool = False

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def wait(self) -> int:
        """Its exit status, after its last line was taken."""
        status = await self.process.wait()
        await asyncio.wait(self.reading, timeout=OUTPUT_S)
        for reading in self.reading:
            reading.cancel()
        return status

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL for it and all that it started when it is still there after `grace_s`."""
        self.stopping = True
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), grace_s)
        self.kill()  # it, or whom it left behind
        await self.wait()

    def kill(self) -> None:
        self.stopping = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


async def start(
    name: str, command: Sequence[str], sink: Sink, env: Mapping[str, str] | None = None, cwd: str | None = None
) -> Child:
    """`sink(name, line)` is called for each line of its stdout and stderr.

    A pipe for each: Python's `print` writes a line and its end one after the other, and what the proxy logs on stderr
    would stand between the two.
    """
    pipes = [os.pipe(), os.pipe()]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipes[0][1],
            stderr=pipes[1][1],
            start_new_session=True,
            env=dict(env) if env is not None else None,
            cwd=cwd,
        )
    except OSError:
        for ours, _ in pipes:
            os.close(ours)
        raise
    finally:
        for _, its in pipes:
            os.close(its)
    child = Child(name, process)
    kept = ((child.tail,), (child.tail, child.complaints))
    child.reading = tuple(
        asyncio.create_task(_read(child.name, tails, sink, ours))
        for tails, (ours, _) in zip(kept, pipes, strict=True)
    )
    return child


Tails: TypeAlias = Sequence[deque[str]]


async def _read(name: str, tails: Tails, sink: Sink, descriptor: int) -> None:
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(descriptor, "rb", buffering=0)
    )
    # Closed by us, also while somebody holds the other end: asyncio's own pipes of a process wait for that one.
    with contextlib.closing(transport):
        await _lines(name, tails, sink, stream)


async def _lines(name: str, tails: Tails, sink: Sink, stream: asyncio.StreamReader) -> None:
    rest = b""
    while chunk := await stream.read(MAX_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) >= MAX_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            _take(name, tails, sink, line)
    if rest:
        _take(name, tails, sink, rest)


def _take(name: str, tails: Tails, sink: Sink, line: bytes) -> None:
    text = line.decode("utf-8", "replace").rstrip("\r")
    for tail in tails:
        tail.append(text)
    sink(name, text)


def died(name: str, status: int) -> str:
    """ "reviews-v1-0 ended with exit status 3", or with which signal."""
    if status < 0:
        return f"{name} was ended by {signal.Signals(-status).name}"
    return f"{name} ended with exit status {status}"


def state(child: Child | None) -> str:
    """In one or two words; None: it was not started yet."""
    if child is None:
        return "waiting"
    status = child.process.returncode
    if status is None:
        return "stopping" if child.stopping else "running"
    return "ended" if status == 0 else f"failed ({signal.Signals(-status).name if status < 0 else status})"
