"""The course of a demo, with a `weft up` and people that are a few lines; the real ones: tests/e2e/test_demo.py."""

import asyncio
import io
import os
import signal
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from weft.client.types import Edge, EdgeEnd
from weft.demo import demo
from weft.demo.people import Seen
from weft.run.controller import Failed
from weft.run.display import Display

WISH = demo.Wish(port=18080, rest="127.0.0.1:25080", grpc="127.0.0.1:25010", rate=1, seed=1)


class FakeUp:
    """Ready at once; ends when it is told to."""

    fails = False
    status = 0
    course: ClassVar[list[str]] = []

    def __init__(self, order: Any, display: Display) -> None:
        self.order, self.ready, self._stop = order, asyncio.Event(), asyncio.Event()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        self.course.append("up stops")
        self._stop.set()

    async def run(self) -> int:
        if self.fails:
            raise Failed("the controller is not ready")
        assert self.order.belongings[0].is_dir()
        self.ready.set()
        await self._stop.wait()
        return self.status


class FakePeople:
    seen = Seen(sessions=1, requests=5)

    @classmethod
    async def come(cls, *_: Any) -> "FakePeople":
        FakeUp.course.append("people come")
        return cls()

    async def gone(self) -> None:
        await asyncio.Event().wait()

    async def leave(self) -> Seen:
        FakeUp.course.append("people leave")
        return self.seen


class FakeMesh:
    """The controller hears of the fifth request only when it is asked a second time."""

    asked = 0

    @classmethod
    def connect(cls, address: str) -> "FakeMesh":
        FakeMesh.asked += 1
        return cls()

    def __enter__(self) -> "FakeMesh":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def edges(self, seconds: int, by: str = "service") -> list[Edge]:
        return [Edge(EdgeEnd(workload=demo.GATEWAY), EdgeEnd("default/storefront"), "mtls", requests=3 + self.asked)]

    def events(self, **_: Any) -> list[Any]:
        return []

    def workloads(self) -> list[Any]:
        return []


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "Up", FakeUp)
    monkeypatch.setattr(demo, "People", FakePeople)
    monkeypatch.setattr(demo, "Mesh", FakeMesh)
    monkeypatch.setattr(demo, "LOOK_EVERY_S", 0)
    monkeypatch.setattr(FakeUp, "course", [])
    monkeypatch.setattr(FakeUp, "fails", False)
    monkeypatch.setattr(FakeMesh, "asked", 0)


def display(names: list[str]) -> Display:
    assert {"controller", "gateway", "catalogue-1"} <= set(names)
    return Display(names, out=io.StringIO(), messages=io.StringIO())


async def test_after_its_time_it_has_measured_all_that_people_asked() -> None:
    shown = await demo.run(replace(WISH, duration=0.01), display, lambda text: pytest.fail(text))
    assert (shown.status, shown.seen.requests) == (0, 5)
    assert shown.report is not None
    assert shown.report.edges[0].requests == 5
    assert FakeUp.course == ["people come", "people leave", "up stops"]


async def test_what_never_arrives_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePeople, "seen", Seen(requests=1_000_000))
    monkeypatch.setattr(demo, "SETTLE_S", 0.01)
    shown = await demo.run(replace(WISH, duration=0.01), display, print)
    assert shown.report is not None and shown.report.requests == 1_000_000


async def test_ctrl_c_lets_people_leave_before_anything_is_stopped() -> None:
    texts: list[str] = []

    def show(text: str) -> None:
        texts.append(text)
        os.kill(os.getpid(), signal.SIGINT)

    shown = await demo.run(WISH, display, show)
    assert FakeUp.course == ["people come", "people leave", "up stops"]
    assert (shown.status, shown.report, shown.seen.sessions) == (0, None, 1)
    assert texts[0].startswith("Five things to try")


async def test_ctrl_c_before_the_time_is_over_is_no_measurement() -> None:
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
    shown = await demo.run(replace(WISH, duration=3600), display, print)
    assert (shown.status, shown.report) == (0, None)


async def test_a_start_that_fails_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeUp, "fails", True)
    with pytest.raises(Failed, match="the controller is not ready"):
        await demo.run(WISH, display, print)
