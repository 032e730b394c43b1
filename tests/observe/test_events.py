"""The last things that happened."""

from __future__ import annotations

import asyncio

from weft.observe.events import MAX_EVENTS, MAX_TEXT, EventRing


def ring() -> EventRing:
    return EventRing(lambda: 42.0)


def test_events_are_numbered_and_read_on_from_a_number() -> None:
    events = ring()
    for name in ("a", "b", "c"):
        events.add("ejected", name, "5 failures in a row", "warning")
    found, lost = events.after(1)
    assert [(event.id, event.subject, event.at) for event in found] == [(2, "b", 42.0), (3, "c", 42.0)] and lost == 0
    assert events.after(0, "rejected") == ([], 0)


def test_a_late_reader_is_told_how_much_it_missed() -> None:
    events = ring()
    for number in range(MAX_EVENTS + 10):
        events.add("x", str(number), "")
    found, lost = events.after(4)
    assert len(found) == MAX_EVENTS and lost == 6
    assert events.after(MAX_EVENTS + 10) == ([], 0)
    assert events.after(MAX_EVENTS + 999) == ([], 0)


def test_a_long_text_is_cut() -> None:
    assert len(ring().add("x", "y", "z" * 10_000).text) == MAX_TEXT


async def test_a_reader_can_wait_for_the_next() -> None:
    events = ring()
    waiting = asyncio.create_task(events.wait())
    await asyncio.sleep(0)
    assert not waiting.done() and events.waiting == 1
    events.add("x", "y", "z")
    await waiting
    assert events.waiting == 0


def test_no_event_is_larger_than_people_read() -> None:
    ring = EventRing(lambda: 0.0)
    event = ring.add("k" * 10_000, "s" * 10_000, "t" * 10_000)
    assert (len(event.kind), len(event.subject), len(event.text)) == (64, 200, 500)
