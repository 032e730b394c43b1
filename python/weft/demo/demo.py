"""One demo: `weft up` of the bookshop in this process, people in it, and an end that leaves nothing."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.demo.measure import EJECTED, Report, report
from weft.demo.people import People, Seen
from weft.demo.place import WEFTFILE, copied
from weft.demo.tries import text
from weft.mesh import Mesh
from weft.resources import expand
from weft.run.controller import NAME
from weft.run.display import Display
from weft.run.fromfile import published
from weft.run.project import Project
from weft.run.up import Order, Up

# Proxies report once a second; what is not there after so many is not coming.
SETTLE_S = 10.0
# Through which all of them come, as the shop's weft.yaml calls it.
GATEWAY = "default/gateway"
LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of `weft demo`."""

    # The shop's, of 127.0.0.1.
    port: int
    # Addresses of the controller; it listens on the port above gRPC's as well.
    rest: str
    grpc: str
    # People per second, on average.
    rate: float
    seed: int
    # Seconds; None: until Ctrl-C.
    duration: float | None = None
    node: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """How it ended: exit status of `weft up`, what people saw, and what was measured (with a duration only)."""

    status: int
    seen: Seen = field(default_factory=Seen)
    report: Report | None = None


async def run(wish: Wish, display: Callable[[list[str]], Display], show: Callable[[str], object]) -> Shown:
    """`display`: makes one for these names. `show`: gets the five things to try, once all is ready."""
    with copied(wish.port, wish.node) as folder:
        return await _run(wish, folder, display, show)


async def _run(
    wish: Wish, folder: Path, display: Callable[[list[str]], Display], show: Callable[[str], object]
) -> Shown:
    expanded = expand(folder / WEFTFILE)
    assert expanded.ok, expanded.problems
    order = Order(
        folder / WEFTFILE,
        expanded,
        publish=published(expanded),
        rest_address=wish.rest,
        grpc_address=wish.grpc,
        project=Project.of(folder / WEFTFILE),
        belongings=(folder,),
    )
    up = Up(order, display([NAME, expanded.edge, *(plan.name for plan in expanded.workloads)]))
    running = asyncio.create_task(up.run())
    try:
        if await _first(up.ready.wait(), running):
            return await _opened(wish, folder, up, running, show)
    finally:
        if not up.stopping:
            up.stop()
        await asyncio.wait([running])
    return Shown(await running)


async def _opened(
    wish: Wish, folder: Path, up: Up, running: asyncio.Task[int], show: Callable[[str], object]
) -> Shown:
    """People come, until the time is over, or Ctrl-C, or the end of it all; they leave before anything is stopped."""
    shop, controller = f"http://127.0.0.1:{wish.port}", f"http://{wish.rest}"
    closing = asyncio.Event()
    with _signals(closing.set, up.stop):
        people = await People.come(folder, shop, wish.rate, wish.seed)
        began = time.monotonic()
        if wish.duration is None:
            show(text(shop, folder, controller))
        ends = [asyncio.create_task(wait) for wait in (closing.wait(), people.gone())]
        await asyncio.wait([*ends, running], timeout=wish.duration, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        seen = await people.leave()
        over = running.done() or closing.is_set()
        measured = None
        if not over and wish.duration is not None:
            measured = await _measured(controller, seen, began)
    if not up.stopping:
        up.stop()
    return Shown(await running, seen, measured)


@contextmanager
def _signals(during: Callable[[], object], after: Callable[[], object]) -> Iterator[None]:
    """What ends `weft up` calls `during` meanwhile, and `after` again from then on."""
    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, during)
    try:
        yield
    finally:
        for number in numbers:
            loop.add_signal_handler(number, after)


async def _first(wanted: Coroutine[Any, Any, object], other: asyncio.Task[int]) -> bool:
    """Whether `wanted` came before the end of `other`."""
    task = asyncio.create_task(wanted)
    await asyncio.wait([task, other], return_when=asyncio.FIRST_COMPLETED)
    there = task.done()
    task.cancel()
    return there


async def _measured(controller: str, seen: Seen, began: float) -> Report:
    """From the controller, once it has heard of all that people asked."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        found, heard = await asyncio.to_thread(_ask, controller, seen, began)
        if heard or time.monotonic() > deadline:
            return found
        await asyncio.sleep(LOOK_EVERY_S)


def _ask(controller: str, seen: Seen, began: float) -> tuple[Report, bool]:
    seconds = min(3600, math.ceil(time.monotonic() - began) + 2)
    with Mesh.connect(controller) as mesh:
        edges = mesh.edges(seconds)
        ejected = mesh.events(limit=1000, kind=EJECTED)
        found = report(seen, edges, mesh.edges(seconds, "version"), ejected, mesh.workloads())
    entered = sum(edge.requests for edge in edges if edge.source.workload == GATEWAY)
    return found, entered >= seen.requests
