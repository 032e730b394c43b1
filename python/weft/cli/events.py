"""`weft events`: what happened, and with -f what happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import note
from weft.cli.options import Controller, Format, Output, connect
from weft.cli.output import emit, plain, yaml_text
from weft.printable import in_line, json_text

if TYPE_CHECKING:
    from weft.client.types import Event
    from weft.mesh import Mesh

HEADERS = ("TIME", "KIND", "SUBJECT", "WHAT")
# How long one question stays open at the controller, which allows 25 s; a client gives up after 30.
WAIT_S = 20
# How often a controller that went is looked for: it starts in about a second.
RETRY_S = 1


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def events(
    subject: Annotated[
        str | None,
        typer.Argument(metavar="[SUBJECT]", help="Only about this: part of the name of a workload or resource"),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind: ejected, rejected, attached, …")] = None,
    severity: Annotated[Severity, typer.Option(help="At least this grave")] = Severity.INFO,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the past")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C")] = False,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """List what happened, and with -f what happens.

    Ejections, refusals, changes, who came and who went.

    The controller keeps the last 1,000 and forgets them when it ends. With -f each is one line, or one JSON document a
    line.
    """
    least = None if severity is Severity.INFO else severity.value
    with connect(controller) as mesh:
        page = mesh.event_page(limit=limit, kind=kind, subject=subject, severity=least)
        if not follow:
            emit(page.events, output, HEADERS, rows(page.events, time.time()), "no events")
            return
        for event in page.events:
            _print(event, output)
        for event in following(mesh, page.last, kind, subject, least):
            _print(event, output)


def following(
    mesh: Mesh,
    after: int,
    kind: str | None = None,
    subject: str | None = None,
    severity: str | None = None,
    pause: Callable[[], None] = lambda: time.sleep(RETRY_S),
) -> Iterator[Event]:
    """What happens after number `after`, without end: also through a restart of the controller."""
    from weft.client.errors import ControllerUnreachable

    absent = False
    while True:
        try:
            page = mesh.event_page(after, kind=kind, subject=subject, severity=severity, wait=WAIT_S)
        except ControllerUnreachable as error:
            if not absent:
                note(f"{error.message}; waiting for it")
            absent = True
            pause()
            continue
        absent = False
        if page.last < after:
            note("the controller was restarted: what it had seen before is gone")
            after = 0
            continue
        if page.lost:
            note(f"{page.lost} events were lost: they came faster than they were read")
        yield from page.events
        after = page.events[-1].id if page.more else page.last


def rows(events: tuple[Event, ...], now: float) -> list[tuple[object, ...]]:
    return [(moment(event.at, now), event.kind, event.subject, what(event)) for event in events]


def what(event: Event) -> str:
    """With its severity where there is one to speak of: a column of its own would leave the text no room."""
    return event.text if event.severity == "info" else f"{event.severity}: {event.text}"


def line(event: Event, now: float) -> str:
    """Wide enough for most, so that lines that come one by one stand below each other."""
    return f"{moment(event.at, now)}  {event.kind:14}  {event.subject:20}  {what(event)}".rstrip()


def moment(at: float, now: float) -> str:
    """The local time; with the day when it is not today's."""
    then, today = time.localtime(at), time.localtime(now)
    same_day = then[:3] == today[:3]
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", then)


def _print(event: Event, output: Format) -> None:
    if output is Format.TABLE:
        text = in_line(line(event, time.time()))
    elif output is Format.JSON:
        text = json_text(plain(event))
    else:
        text = yaml_text([plain(event)], documents=True).rstrip("\n")
    print(text, flush=True)
