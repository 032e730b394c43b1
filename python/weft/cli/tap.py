"""`weft tap`: requests as they pass."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import note, usage
from weft.cli.options import Controller, Format, Namespace, Output, connect, qualified
from weft.cli.output import plain, width, yaml_text
from weft.printable import in_line, json_text

if TYPE_CHECKING:
    from weft.client.tap import TappedRequest, TapState
    from weft.client.types import EdgeEnd

# Named one by one; a fleet of older proxies is a number.
MAX_NAMED = 5

Destination = Annotated[
    str | None, typer.Argument(metavar="[DESTINATION]", help="Only to this service or workload")
]


def tap(
    destination: Destination = None,
    source: Annotated[str | None, typer.Option("--from", help="Only from this service or workload")] = None,
    method: Annotated[str | None, typer.Option(help="Only this method")] = None,
    path: Annotated[str | None, typer.Option(metavar="PREFIX", help="Only paths that begin so")] = None,
    status: Annotated[str | None, typer.Option(help="Only this status, or a class: 503, 5xx")] = None,
    reason: Annotated[str | None, typer.Option(help="Only what weft answered for this reason")] = None,
    min_latency: Annotated[str | None, typer.Option(metavar="DURATION", help="Only as slow as that: 100ms, 2s")] = None,
    query: Annotated[bool, typer.Option("--query", help="Show paths with their query, which may hold secrets")] = False,
    most: Annotated[int | None, typer.Option("--max", min=1, help="End after so many")] = None,
    namespace: Namespace = "default",
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Watch requests as they pass.

    Until Ctrl-C. Nothing is kept, and no request waits: beyond 200 a second and proxy they are left out and counted.
    Each is one line, or one JSON document a line: time, status, latency, from whom to whom, what.
    """
    told = Told()
    shown = 0
    with connect(controller) as mesh:
        watching = mesh.tap(
            source=qualified(source, namespace) if source else None,
            destination=qualified(destination, namespace) if destination else None,
            method=method.upper() if method else None,
            path=path,
            status=status,
            reason=reason,
            min_latency_ms=_milliseconds(min_latency) if min_latency else None,
            query=query,
            on_state=told.hear,
        )
        try:
            with watching:
                for request in watching:
                    _print(request, output, namespace)
                    shown += 1
                    if shown == most:
                        break
        except KeyboardInterrupt:
            pass  # that is how it ends: no failure
    note(summary(shown, watching.state))


class Told:
    """Says on stderr what is not shown, each thing once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def hear(self, state: TapState) -> None:
        for name in state.unknown:
            self._say(f"there is no service and no workload {name} yet")
        if not state.tapped:
            self._say("no proxy can be tapped: `weft workloads` lists those that there are")
        new = [each for each in state.not_tapped if each.workload not in self._said]
        self._said.update(each.workload for each in new)
        for each in new[:MAX_NAMED]:
            note(f"not tapped: {each.workload}: {each.why}")
        if len(new) > MAX_NAMED:
            note(f"not tapped: {len(new) - MAX_NAMED} more")
        if state.left_out:
            self._say("more requests fit than are shown: ask for fewer, as by --path or --status")
        if state.lost:
            self._say("some requests are lost: they come faster than they are read here")

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            note(text)


def summary(shown: int, state: TapState) -> str:
    parts = [f"{shown} request{'' if shown == 1 else 's'} shown"]
    if state.left_out:
        parts.append(f"{state.left_out} left out: more fitted than may be sent")
    if state.lost:
        parts.append(f"{state.lost} lost: read too slowly")
    return "; ".join(parts)


def line(request: TappedRequest, namespace: str) -> str:
    """What has the same width comes first, so that lines that come one by one stand below each other."""
    ends = f"{_caller(request.source, namespace)} → {_callee(request, namespace)}"
    parts = [_moment(request.at), f"{request.status or '-':>3}", f"{_latency(request.latency_ms):>7}", ends]
    parts.append(f"{request.method} {request.path}")
    if request.retries:
        parts.append(f"{request.retries} {'retry' if request.retries == 1 else 'retries'}")
    parts += [request.reason] if request.reason else []
    return "  ".join(parts)


def _caller(end: EdgeEnd, namespace: str) -> str:
    return _short(end.service or end.workload, namespace) or "(unmeshed)"


def _callee(request: TappedRequest, namespace: str) -> str:
    end = request.destination
    return _short(end.workload or end.service, namespace) or request.authority or "?"


def _short(name: str, namespace: str) -> str:
    return name.removeprefix(f"{namespace}/")


def _latency(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def _moment(at: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at * 1000) % 1000:03}"


def _milliseconds(text: str) -> int:
    from weft.resources.types import duration_ms

    try:
        return int(duration_ms(text))
    except ValueError:
        usage(f"--min-latency: {text!r} is not a duration", "whole numbers with h, m, s or ms, such as 2s or 250ms")


def _print(request: TappedRequest, output: Format, namespace: str) -> None:
    if output is Format.TABLE:
        text = in_line(line(request, namespace))
        columns = width()
        text = text if len(text) <= columns else f"{text[: columns - 1]}…"
    elif output is Format.JSON:
        text = json_text(plain(request))
    else:
        text = yaml_text([plain(request)], documents=True).rstrip("\n")
    print(text, flush=True)

