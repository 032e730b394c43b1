"""`weft demo`: a bookshop with people in it, and what the mesh does for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import Failure, note, usage
from weft.cli.options import Format, Output
from weft.cli.output import UNLIMITED, emit, table
from weft.run.detach import INTERRUPTED

if TYPE_CHECKING:
    from weft.demo.demo import Shown
    from weft.demo.measure import MeasuredEdge, Report
    from weft.demo.people import Seen

# What `weft up` and examples take; where somebody has them, the system chooses.
SHOP, REST, GRPC = 8080, 15080, 15010
HEADERS = ("FROM", "TO", "TLS", "REQUESTS", "SUCCESS", "P50 MS", "P99 MS")


def demo(
    duration: Annotated[
        float | None,
        typer.Option(min=1, max=3600, metavar="SECONDS", help="End after so many, and print what was measured"),
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0.1, max=50, metavar="N", help="How many people come per second, on average")
    ] = 3.0,
    seed: Annotated[int, typer.Option(metavar="N", help="The same number, the same people")] = 1,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, metavar="PORT", help="The shop's, on 127.0.0.1; else 8080 or a free one"),
    ] = None,
    rest_address: Annotated[
        str | None, typer.Option(metavar="ADDR", help="The controller's REST; else port 15080 or a free one")
    ] = None,
    grpc_address: Annotated[
        str | None, typer.Option(metavar="ADDR", help="The controller, for proxies; else port 15010 or a free one")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Run a bookshop with people in it, until Ctrl-C.

    Eight small services in Python and Node that know nothing of weft, a gateway, a controller with its dashboard, and
    five things to try. Nothing is left behind.

    With --duration: what people saw and what the mesh measured; status 0 when at least 99.9 % of their requests were
    answered as they should be and every edge between proxies was mTLS.
    """
    if duration is None and output is not Format.TABLE:
        usage("-o needs --duration", "weft demo --duration 30 -o json")
    from weft.demo.demo import Wish, run
    from weft.demo.place import has_node, own_python_first
    from weft.demo.quiet import Quiet
    from weft.run.controller import Failed
    from weft.run.freeport import free_port

    own_python_first()
    node = has_node()
    if not node:
        note("node 16 or later is not installed: recommendations is its twin in Python, not the service in JavaScript")
    rest = rest_address or f"127.0.0.1:{free_port(REST)}"
    grpc = grpc_address or f"127.0.0.1:{free_port(GRPC, 2)}"
    wish = Wish(port or free_port(SHOP), rest, grpc, rate, seed, duration, node)
    try:
        shown = asyncio.run(run(wish, Quiet, _show))
    except Failed as failed:
        from weft.cli.up import show_tail

        show_tail(failed.tail)
        raise
    _tell(shown, duration, output)


def _show(text: str) -> None:
    print(f"\n{text}\n\nCtrl-C stops everything.", flush=True)


def _tell(shown: Shown, duration: float | None, output: Format) -> None:
    for failure in shown.seen.failures:
        note(f"failed: {failure}")
    if shown.report is None:
        if duration is None and shown.seen.requests:
            note(f"meanwhile: {people(shown.seen)}")
        # Ctrl-C is an end like others where nobody waits for a measurement.
        raise typer.Exit(shown.status or (0 if duration is None else INTERRUPTED))
    if output is Format.TABLE:
        print(summary(shown.report, shown.seen, duration or 0), end="")
    else:
        emit(shown.report, output, (), ())
    for message, hint in shown.report.problems()[:1]:
        raise Failure(message, hint)
    raise typer.Exit(shown.status)


def people(seen: Seen) -> str:
    """ "93 people, 412 requests, 100 % as they should be" """
    from weft.demo.measure import percent

    rate = f"{percent(seen.success_rate)} as they should be" if seen.success_rate is not None else "none of them"
    return f"{seen.sessions} people, {_number(seen.requests, 'request')}, {rate}"


def summary(report: Report, seen: Seen, seconds: float) -> str:
    """All of it, for people, in 80 columns."""
    lines = [f"{seconds:g} s: {people(seen)} (p50 {seen.p50_ms} ms, p99 {seen.p99_ms} ms)"]
    versions = [
        f"{_short(service)} {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}"
        for service, counts in sorted(report.versions.items())
    ]
    facts = (
        ("versions", "; ".join(versions) or "none"),
        ("retries", f"{_number(report.retries_saved, 'request')} saved by another try"),
        ("ejections", f"{report.ejections} of replicas that failed too often"),
        ("refused", f"{_number(report.refused, 'request')} of callers whom nobody allowed"),
    )
    told = [f"{name:<11}{text}" for name, text in facts]
    grid = table(HEADERS, map(_row, report.edges), UNLIMITED)
    return "\n".join([*lines, "", grid, *told]) + "\n"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _row(edge: MeasuredEdge) -> tuple[object, ...]:
    success = None if edge.success_rate is None else f"{100 * edge.success_rate:.1f} %"
    tls = "mTLS" if edge.tls == "mtls" else edge.tls
    ends = _short(edge.source), _short(edge.destination)
    return *ends, tls, edge.requests, success, edge.p50_ms, edge.p99_ms


def _short(name: str) -> str:
    return name.removeprefix("default/")
