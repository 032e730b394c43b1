"""`weft run`: this command as a workload of the mesh. Becomes the Rust supervisor; returns only when that fails."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import usage
from weft.cli.options import Controller, Namespace, connect, qualified

if TYPE_CHECKING:
    from weft.run.plan import Wish


def run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND")],
    service: Annotated[str | None, typer.Option(help="The service that it serves; none: it only calls")] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(metavar="PORT[:APP]", help="A service port, and where the app listens for it; may be repeated"),
    ] = None,
    version: Annotated[str, typer.Option(help="Such as v2: what routes and edges tell apart")] = "",
    call: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE[:PORT]", help="A service that it calls; may be repeated; none: all there are"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The workload's name; else from service and machine")] = None,
    namespace: Namespace = "default",
    account: Annotated[str, typer.Option("--service-account", help="Else the service's name")] = "",
    label: Annotated[list[str] | None, typer.Option(metavar="K=V", help="May be repeated")] = None,
    zone: Annotated[str, typer.Option(help="Where it runs")] = "",
    bind: Annotated[str, typer.Option(metavar="IP", help="Where other proxies reach it")] = "127.0.0.1",
    health: Annotated[
        str | None, typer.Option(metavar="PATH", help="Ready when GET PATH is 2xx; else when a connect succeeds")
    ] = None,
    restart: Annotated[str, typer.Option(metavar="never|on-failure|always", help="When it ends")] = "never",
    token: Annotated[
        Path | None, typer.Option(envvar="WEFT_TOKEN", metavar="FILE", help="The join token, on other machines")
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Where its state is kept")] = None,
    dry_run: Annotated[bool, typer.Option("--print", help="Print the launch file, start nothing")] = False,
    controller: Controller = None,
) -> None:
    """Run a command as a workload of the mesh.

    With an identity, mTLS, routes and policies. It finds its own port in PORT,
    and the services that it calls in SERVICE_HOST, SERVICE_PORT and SERVICE_URL.
    """
    from weft.run.plan import Wish

    if restart not in ("never", "on-failure", "always"):
        usage(f"--restart {restart!r} is none of never, on-failure, always")
    # They become directories and parts of an identity.
    names = {"name": name, "namespace": namespace, "service-account": account, "version": version}
    check_names({option: text for option, text in names.items() if text})
    check_bind(bind)
    check_health(health, service)
    wish = Wish(
        command=tuple(command),
        name=name or default_name(service, os.path.basename(command[0])),
        namespace=namespace,
        service=qualified(service, namespace) if service else "",
        ports=tuple(map(port_pair, port or ())),
        version=version,
        calls=tuple(called(text, namespace) for text in call or ()),
        account=account,
        labels=dict(map(pair, label or ())),
        zone=zone,
        bind=bind,
        health_path=health,
        restart=restart,  # type: ignore[arg-type]
    )
    _launch(wish, token, state_dir, dry_run, controller)


def _launch(wish: Wish, token: Path | None, state_dir: Path | None, dry_run: bool, controller: str | None) -> None:
    from weft.run.binary import execute, proxy_path
    from weft.run.plan import joining, local
    from weft.run.prepare import planned, prepare
    from weft.run.state import claim, state_root, workload_directory

    if token is not None:
        spec, place = joining(wish, token)
    else:
        with connect(controller) as mesh:
            spec, place = local(wish, mesh)
    root = state_root(state_dir)
    if dry_run:
        print(json.dumps(json.loads(planned(spec, place, root)), indent=2))
        return
    proxy_path()  # before anything is written
    claim(workload_directory(root, spec.namespace, spec.name))
    execute("supervise", "--launch", str(prepare(spec, place, root)))


def check_names(given: Mapping[str, str]) -> None:
    from weft.identity.errors import IdentityError
    from weft.identity.spiffe import check_name

    for option, text in given.items():
        try:
            check_name(option, text)
        except IdentityError as error:
            usage(f"--{option} {text!r} is not a name", getattr(error, "hint", None))


def check_bind(text: str) -> None:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        usage(f"--bind {text!r} is not an IP address", "write --bind 192.0.2.7, or --bind 0.0.0.0 for all of them")


def check_health(path: str | None, service: str | None) -> None:
    if path is None:
        return
    if not path.startswith("/"):
        usage(f"--health {path!r} is not a path", f"write --health /{path}")
    if not service:
        usage("--health needs --service", "who serves nothing is asked nothing")


def default_name(service: str | None, command: str) -> str:
    """ "reviews-laptop": the same at each start, so that state and addresses are found again."""
    from weft.run.plan import dns_label

    return dns_label(f"{(service or command).rpartition('/')[2]}-{socket.gethostname().partition('.')[0]}")


def port_pair(text: str) -> tuple[int, int]:
    """ "80:9001", or "80": the app's port is chosen then."""
    service, colon, app = text.partition(":")
    if not service.isdecimal() or (colon and not app.isdecimal()):
        usage(f"--port {text!r} is not PORT or PORT:APP", "write --port 80:9001")
    numbers = int(service), int(app or 0)
    if not 0 < numbers[0] < 65536 or numbers[1] > 65535:
        usage(f"--port {text!r}: a port is from 1 to 65535")
    return numbers


def called(text: str, namespace: str) -> tuple[str, int]:
    """ "reviews:80" or "shop/reviews"; 0: all its ports."""
    name, colon, port = text.partition(":")
    if not name or (colon and not port.isdecimal()):
        usage(f"--call {text!r} is not SERVICE or SERVICE:PORT")
    return qualified(name, namespace), int(port or 0)


def pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        usage(f"--label {text!r} is not KEY=VALUE")
    return key, value
