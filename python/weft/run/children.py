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

# What is shown of a process that died: enough for a Python traceback's end, not a screen.
TAIL_LINES = 20
# A longer line is cut into such pieces: a program that writes without line ends must not fill our memory.
MAX_LINE = 16 * 1024

Sink = Callable[[str, str], None]


@dataclass(eq=False)
class Child:
    """One process. `start` makes it."""

    name: str
    process: asyncio.subprocess.Process
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    # Ends when its output does: all lines are out then.
    reading: asyncio.Task[None] | None = None
    stopping: bool = False

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def wait(self) -> int:
        """Its exit status, after its last line was taken."""
        status = await self.process.wait()
        if self.reading is not None:
            # A grandchild that left the session may hold the pipe open for ever.
            await asyncio.wait([self.reading], timeout=1.0)
        return status

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL for it and all that it started when it is still there after `grace_s`."""
        self.stopping = True
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), grace_s)
        except TimeoutError:
            self.kill()
            await self.process.wait()
        else:
            self.kill()  # whom it left behind

    def kill(self) -> None:
        self.stopping = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


async def start(
    name: str, command: Sequence[str], sink: Sink, env: Mapping[str, str] | None = None, cwd: str | None = None
) -> Child:
    """`sink(name, line)` is called for each line of its stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env=dict(env) if env is not None else None,
        cwd=cwd,
    )
    child = Child(name, process)
    child.reading = asyncio.create_task(_read(child, sink))
    return child


async def _read(child: Child, sink: Sink) -> None:
    stream = child.process.stdout
    assert stream is not None
    rest = b""
    while chunk := await stream.read(MAX_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) >= MAX_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            _take(child, sink, line)
    if rest:
        _take(child, sink, rest)


def _take(child: Child, sink: Sink, line: bytes) -> None:
    text = line.decode("utf-8", "replace").rstrip("\r")
    child.tail.append(text)
    sink(child.name, text)


def died(name: str, status: int) -> str:
    """ "reviews-v1-0 ended with exit status 3", or with which signal."""
    if status < 0:
        return f"{name} was ended by {signal.Signals(-status).name}"
    return f"{name} ended with exit status {status}"
