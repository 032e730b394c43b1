"""`weft controller`: the control plane, in the foreground."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from weft.cli.failure import usage
from weft.cli.identity import seconds


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


def controller(
    state_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Store, CA and socket; else $WEFT_STATE_DIR or the usual place")
    ] = None,
    grpc_address: Annotated[str, typer.Option(metavar="ADDR", help="For proxies; joining is on the next port")] = (
        "127.0.0.1:15010"
    ),
    rest_address: Annotated[str, typer.Option(metavar="ADDR", help="For the CLI and the dashboard")] = (
        "127.0.0.1:15080"
    ),
    advertise: Annotated[
        str, typer.Option(metavar="ADDR", help="How other machines reach the first one; else as it is bound")
    ] = "",
    name: Annotated[list[str] | None, typer.Option(help="One more name of this machine; may be repeated")] = None,
    trust_domain: Annotated[
        str | None, typer.Option(metavar="NAME", help="Chosen at the first start only; else unique and random")
    ] = None,
    svid_ttl: Annotated[str, typer.Option(metavar="DURATION", help="How long a workload's certificate lives")] = "24h",
    rest_anywhere: Annotated[
        bool, typer.Option("--rest-anywhere", help="Let REST, which has no TLS, be reached from other machines")
    ] = False,
    log_format: Annotated[LogFormat, typer.Option(help="How to log")] = LogFormat.TEXT,
    ready_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Written once everything listens")] = None,
) -> None:
    """Run a controller until it is told to stop."""
    from weft.controller.main import run
    from weft.controller.options import OptionError, Options
    from weft.run.state import state_root

    options = Options(
        state_dir=state_root(state_dir) / "controller" if state_dir is None else state_dir,
        grpc_address=grpc_address,
        rest_address=rest_address,
        advertise=advertise,
        names=tuple(name or ()),
        trust_domain=trust_domain,
        svid_ttl_s=float(seconds(svid_ttl)),
        rest_anywhere=rest_anywhere,
        log_format=log_format.value,
        ready_file=ready_file,
    )
    try:
        options.check()
    except OptionError as error:
        usage(str(error), error.hint)
    raise typer.Exit(run(options))
