"""People in the shop: a process of their own, `people.py` of the bookshop, outside of the mesh as people are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from weft.client.errors import WeftError

# A page that hangs is given up after 10 s by whoever looks at it; then they count.
LEAVING_S = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What they saw, from first to last."""

    sessions: int = 0
    orders: int = 0
    requests: int = 0
    failed: int = 0
    # The first of them, a sentence each.
    failures: tuple[str, ...] = ()
    p50_ms: float | None = None
    p99_ms: float | None = None
    # Pages of books by what stood there: "black", "gold", "none", "missing".
    stars: dict[str, int] = field(default_factory=dict)

    @property
    def success_rate(self) -> float | None:
        return 1 - self.failed / self.requests if self.requests else None


class People:
    """`come` starts them; they leave when `leave` is called, and also when this process is killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def come(cls, folder: Path, url: str, rate: float, seed: int) -> People:
        """`rate`: how many per second, on average."""
        command = [sys.executable, "people.py", url, "--rate", str(rate), "--seed", str(seed), "--leash"]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C in the terminal is for `weft demo` alone.
            start_new_session=True,
        )
        return cls(process)

    async def gone(self) -> None:
        """Once they are, which nobody expects of them."""
        await self._process.wait()

    async def leave(self) -> Seen:
        """Everybody finishes the page that he has asked for."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            out, _ = await asyncio.wait_for(self._process.communicate(), LEAVING_S)
            found = json.loads(out)
        except (TimeoutError, ValueError):
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            raise WeftError("the people did not say what they saw", "their last words are above") from None
        return Seen(**{**found, "failures": tuple(found["failures"])})
