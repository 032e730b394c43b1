"""`weft up`'s side of the watcher: nothing that it starts outlives it, also when it gets SIGKILL.

No process is asked to look after itself: a supervisor is the same beside `weft run`, where nobody stands above it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from weft.run.children import Child
from weft.run.watcher import DONE


class Lifeline:
    """`open` starts the watcher; what is noted ends with this process, however that ends."""

    def __init__(self, watcher: asyncio.subprocess.Process) -> None:
        self._watcher = watcher

    @classmethod
    async def open(cls) -> Lifeline:
        # A session of its own: Ctrl-C in the terminal is for `weft up` alone. stderr is ours: it says what it does.
        watcher = await asyncio.create_subprocess_exec(
            sys.executable,
            # Without the folder of the weft.yaml on its path: a file signal.py there is not ours.
            "-P",
            "-m",
            "weft.run.watcher",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(watcher)

    def workload(self, child: Child, grace_s: float) -> None:
        self._say(f"workload {child.process.pid} {grace_s}")

    def controller(self, child: Child, grace_s: float) -> None:
        self._say(f"controller {child.process.pid} {grace_s}")

    def directory(self, path: str) -> None:
        self._say(f"directory {path}")

    async def close(self, orderly: bool = True) -> None:
        """All that was noted has ended; not `orderly`: not all, and the watcher is to see to it."""
        if orderly:
            self._say(DONE)
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()
        await self._watcher.wait()

    def _say(self, line: str) -> None:
        assert self._watcher.stdin is not None
        with contextlib.suppress(OSError):  # somebody has ended the watcher; we end what we start ourselves
            self._watcher.stdin.write(f"{line}\n".encode())
