"""`weft edges`: who called whom, how often, how well, and whether encrypted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.options import AnyNamespace, Controller, Format, Output, connect
from weft.cli.output import emit

if TYPE_CHECKING:
    from weft.client.types import Edge

HEADERS = ("FROM", "TO", "PORT", "TLS", "REQUESTS", "SUCCESS", "P50 MS", "P99 MS", "WEFT ANSWERED")


class By(StrEnum):
    SERVICE = "service"
    VERSION = "version"
    WORKLOAD = "workload"


def edges(
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="How far back")] = 60,
    by: Annotated[By, typer.Option(help="What one line stands for")] = By.SERVICE,
    namespace: AnyNamespace = None,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """List the traffic of the last minute, edge by edge."""
    with connect(controller) as mesh:
        found = mesh.edges(seconds, by.value, namespace)
    emit(found, output, HEADERS, map(row, found), f"no traffic in the last {seconds} s")


def row(edge: Edge) -> tuple[object, ...]:
    success = None if edge.success_rate is None else f"{100 * edge.success_rate:.1f} %"
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(edge.reasons.items()))
    return (
        edge.source,
        edge.destination,
        edge.port or None,
        tls(edge),
        edge.requests or edge.connections,
        success,
        edge.p50_ms,
        edge.p99_ms,
        reasons,
    )


def tls(edge: Edge) -> str:
    return {"mtls": "mTLS", "plaintext": "plain"}.get(edge.tls, edge.tls)
