"""A clock that stands still until it is told."""

from __future__ import annotations

import asyncio

from weft.testing import FakeClock


async def test_sleepers_wake_in_order_at_their_time() -> None:
    clock, woken = FakeClock(100.0), list[tuple[str, float]]()

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.time()))

    tasks = [asyncio.create_task(sleep(name, seconds)) for name, seconds in (("b", 2.0), ("a", 1.0), ("c", 5.0))]
    await asyncio.sleep(0)
    await clock.advance(3.0)
    assert woken == [("a", 101.0), ("b", 102.0)] and clock.monotonic() == 103.0
    await clock.advance(2.0)
    assert woken[2:] == [("c", 105.0)]
    await asyncio.gather(*tasks)


async def test_who_was_cancelled_wakes_nobody() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await asyncio.sleep(0)
    task.cancel()
    await clock.advance(2.0)
    assert task.cancelled()


async def test_no_time_is_no_sleep() -> None:
    await FakeClock().sleep(0.0)
