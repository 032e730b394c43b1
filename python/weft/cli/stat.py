"""`weft stat` and `weft top`: golden signals of services or edges, once or all the time."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.edges import By, tls
from weft.cli.options import AnyNamespace, Controller, Format, Output, connect, qualified
from weft.cli.output import emit, table, width

if TYPE_CHECKING:
    from weft.client.types import Edge, Signals
    from weft.mesh import Mesh

SERVICES = ("SERVICE", "RATE/S", "SUCCESS", "P50 MS", "P95 MS", "P99 MS", "CONNS")
EDGES = ("FROM", "TO", "TLS", "RATE/S", "SUCCESS", "P50 MS", "P95 MS", "P99 MS")
# Two reports of every proxy: what is shown has changed, and eyes can follow.
EVERY_S = 2
# From the top left, and what was there before goes away.
CLEAR = "\x1b[H\x1b[J"

Service = Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="Only this one; as an edge: either end")]
Seconds = Annotated[int, typer.Option(min=1, max=3600, help="How far back")]
ByOption = Annotated[By, typer.Option(help="What one line stands for")]
OfEdges = Annotated[bool, typer.Option("--edges", help="One line per edge, not per service")]


def stat(
    service: Service = None,
    seconds: Seconds = 60,
    by: ByOption = By.SERVICE,
    edges: OfEdges = False,
    namespace: AnyNamespace = None,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Print rate, success and latency of each service.

    As its callers saw it: retries do not count, their time does. Without requests CONNS counts TCP connections.
    """
    asked = Asked(service, seconds, by, edges, namespace)
    with connect(controller) as mesh:
        found = asked.of(mesh)
    emit(found, output, asked.headers, asked.rows(found), f"no traffic in the last {seconds} s")


def top(
    service: Service = None,
    seconds: Seconds = 10,
    by: ByOption = By.SERVICE,
    edges: OfEdges = False,
    every: Annotated[int, typer.Option(min=1, max=60, metavar="SECONDS", help="How often it looks")] = EVERY_S,
    once: Annotated[bool, typer.Option("--once", help="Print once; so it is when stdout is no terminal")] = False,
    namespace: AnyNamespace = None,
    controller: Controller = None,
) -> None:
    """Watch rate, success and latency, the busiest first.

    Until Ctrl-C.
    """
    from weft.run.display import DUMB

    asked = Asked(service, seconds, by, edges, namespace)
    with connect(controller) as mesh:
        # A terminal that cannot go back gets what a pipe gets.
        if once or not sys.stdout.isatty() or os.environ.get("TERM", "") in DUMB:
            print(page(mesh, asked), end="")
            return
        try:
            watch(mesh, asked, lambda: time.sleep(every))
        except KeyboardInterrupt:
            print()  # that is how it ends: no failure


class Asked:
    """What stat and top were asked for."""

    def __init__(self, service: str | None, seconds: int, by: By, edges: bool, namespace: str | None) -> None:
        self.service = qualified(service, namespace or "default") if service else None
        self.seconds, self.by, self.edges, self.namespace = seconds, by, edges, namespace
        self.headers = EDGES if edges else SERVICES

    def of(self, mesh: Mesh) -> list[Edge] | list[Signals]:
        if self.edges:
            found = mesh.edges(self.seconds, self.by.value, self.namespace)
            return [edge for edge in found if self.service in (None, edge.source.service, edge.destination.service)]
        listed = mesh.signals(self.seconds, self.by.value, self.namespace)
        return [each for each in listed if self.service in (None, each.of.service)]

    def rows(self, found: Iterable[Edge | Signals]) -> list[tuple[object, ...]]:
        return [_row(each) for each in found]


def watch(mesh: Mesh, asked: Asked, pause: Callable[[], None]) -> None:
    from weft.client.errors import ControllerUnreachable

    while True:
        try:
            columns, lines = shutil.get_terminal_size()
            shown = "".join(f"{cut(line, columns)}\n" for line in page(mesh, asked, lines - 1).splitlines())
        except ControllerUnreachable as error:
            shown = f"{error.message}; looking again\n"  # it may be restarting, and whoever watches wants to see that
        print(CLEAR + shown, end="", flush=True)
        pause()


def cut(line: str, columns: int) -> str:
    """One that goes on in the next would push the first out at the top."""
    return line if len(line) <= columns else f"{line[: columns - 1]}…"


def page(mesh: Mesh, asked: Asked, lines: int | None = None) -> str:
    """What one look shows, in so many lines."""
    found: list[Edge | Signals] = sorted(asked.of(mesh), key=_busy)
    total = sum(each.requests_per_second for each in found)
    head = f"{mesh.address}, last {asked.seconds} s: {total:.1f} requests/s"
    if not found:
        return f"{head}\n\nno traffic\n"
    text = [head, "", *table(asked.headers, asked.rows(found), width()).splitlines()]
    if lines is not None and len(text) > lines:
        # A line goes to the saying so.
        text = [*text[: lines - 1], f"… and {len(text) - lines + 1} more"]
    return "".join(f"{line}\n" for line in text)


def _busy(each: Edge | Signals) -> tuple[float, float]:
    return -each.requests_per_second, -each.connections


def _row(each: Edge | Signals) -> tuple[object, ...]:
    from weft.client.types import Signals

    success = None if each.success_rate is None else f"{100 * each.success_rate:.1f} %"
    signals: Sequence[object] = (each.requests_per_second, success, each.p50_ms, each.p95_ms, each.p99_ms)
    if isinstance(each, Signals):
        return each.of, *signals, each.connections or None
    return each.source, each.destination, tls(each), *signals
