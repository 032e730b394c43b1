"""`weft token` and `weft certs`: who may join, and who holds a certificate."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from weft.cli.failure import note, usage
from weft.cli.options import Controller, Format, Namespace, Output, connect, qualified
from weft.cli.output import duration, emit

tokens = typer.Typer(help="Manage join tokens, for workloads on other machines.", rich_markup_mode=None)

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@tokens.command("create")
def create(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service to serve, or the account of a client")],
    account: Annotated[
        str | None, typer.Option("--service-account", help="Service account; else the service's name")
    ] = None,
    namespace: Namespace = "default",
    expires: Annotated[str, typer.Option(metavar="DURATION", help="How long it can be used: 90s, 15m, 1h, 7d")] = "1h",
    uses: Annotated[int, typer.Option(min=1, help="How many workloads may join with it")] = 1,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Print a new join token; it is not shown again."""
    with connect(controller) as mesh:
        served = qualified(service, namespace)
        token = mesh.token(account or service, namespace, service=served, ttl_seconds=seconds(expires), uses=uses)
    if output is not Format.TABLE:
        emit(token, output, (), ())
        return
    print(token.token)
    note(f"for {token.spiffe_id}, {token.uses} use{'s' if token.uses > 1 else ''}, expires in {expires}")
    note(f"\nhint: {token.hint}" if token.hint else f"\nhint: weft run --token FILE --service {service} -- COMMAND")


@tokens.command("list")
def list_tokens(output: Output = Format.TABLE, controller: Controller = None) -> None:
    """List the tokens that still can be used, without their secrets."""
    with connect(controller) as mesh:
        found = mesh.tokens()
    rows = [
        (t.id, f"{t.namespace}/{t.service_account}", t.service, f"{t.used}/{t.uses}", _until(t.expires_at))
        for t in found
    ]
    emit(found, output, ("ID", "ACCOUNT", "SERVICE", "USED", "EXPIRES IN"), rows, "no tokens")


@tokens.command("revoke")
def revoke(token: Annotated[str, typer.Argument(metavar="ID")], controller: Controller = None) -> None:
    """Make a token useless; who has joined stays."""
    with connect(controller) as mesh:
        mesh.revoke(token)
    print(f"{token} revoked")


def certs(output: Output = Format.TABLE, controller: Controller = None) -> None:
    """List roots and issued certificates."""
    with connect(controller) as mesh:
        found = mesh.certs()
    rows: list[tuple[object, ...]] = [
        ("root", root.subject or found.trust_domain, "", "", _day(root.not_after), _until(root.not_after))
        for root in found.roots
    ]
    rows += [
        ("workload", issued.spiffe_id, issued.workload, issued.proof, _day(issued.not_after), _until(issued.not_after))
        for issued in found.issued
    ]
    emit(found, output, ("KIND", "IDENTITY", "WORKLOAD", "PROOF", "NOT AFTER", "LEFT"), rows)


def seconds(text: str) -> int:
    """ "90s", "15m", "1h", "7d"."""
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS or not number.isdecimal() or int(number) == 0:
        usage(f"{text!r} is not a duration", "write 90s, 15m, 1h or 7d")
    return int(number) * UNITS[unit]


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _until(at: float) -> str:
    return duration(at - time.time())
