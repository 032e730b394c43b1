"""Time."""

from __future__ import annotations

import time

from weft.controller.clock import Clock, RealClock


async def test_the_real_clock_is_the_machines() -> None:
    clock: Clock = RealClock()
    assert abs(clock.time() - time.time()) < 1 and abs(clock.monotonic() - time.monotonic()) < 1
    await clock.sleep(0)
