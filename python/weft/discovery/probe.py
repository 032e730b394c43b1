"""Whether something listens: one TCP connect, closed at once."""

from __future__ import annotations

import asyncio
from typing import Final

# Near or far, what takes longer to accept is in no state to be used.
PATIENCE_S: Final = 2.0
# Connects under way at once, of all services together.
MAX_PROBES: Final = 64


class Probe:
    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_PROBES)

    async def __call__(self, address: str, port: int) -> bool:
        async with self._slots:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    _, writer = await asyncio.open_connection(address, port)
            except OSError:  # TimeoutError is one
                return False
            writer.close()
            return True
