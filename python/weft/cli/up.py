"""`weft up`: everything in a `weft.yaml`, on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import Failure, note, usage, warn
from weft.cli.options import qualified

if TYPE_CHECKING:
    from weft.resources import Expanded
    from weft.run.loopback import Target
    from weft.run.project import Run
    from weft.run.up import Up


def up(
    file: Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="What to run")] = Path("weft.yaml"),
    publish: Annotated[
        list[str] | None,
        typer.Option(
            "--publish",
            "-p",
            metavar="SERVICE[:PORT]=LOCAL",
            help="Reach a service at a local port, as `publish` in the file; may be repeated",
        ),
    ] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print what the file means, start nothing")] = False,
    rest_address: Annotated[str, typer.Option(metavar="ADDR", help="The controller's REST")] = "127.0.0.1:15080",
    listen: Annotated[
        str, typer.Option(metavar="IP", help="Let other machines reach controller and services here; as `controller:`")
    ] = "",
    join: Annotated[
        str, typer.Option(metavar="TOKEN", help="Run this machine's part, for the controller on another; or its file")
    ] = "",
    bind: Annotated[
        str, typer.Option(metavar="IP", help="Where other proxies reach the workloads; else as the controller does")
    ] = "",
    grpc_address: Annotated[
        str, typer.Option(metavar="ADDR", help="The controller, for proxies; else 127.0.0.1:15010")
    ] = "",
    state_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep state here; else, for one machine, nothing stays")
    ] = None,
    # Not the usual option: a variable that was set for another shell's work must not receive what is tried here.
    controller: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Join the mesh of this controller, on this machine; else its own, whatever $WEFT_CONTROLLER says",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the resources in the mesh of --controller")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when all is ready; `weft down` ends it")
    ] = False,
    detached: Annotated[bool, typer.Option("--detached", hidden=True)] = False,
) -> None:
    """Run everything in a weft.yaml, until Ctrl-C.

    Starts a controller and, for each workload, a proxy and the app; shows all their logs. Afterwards nothing is left.

    When it runs already: applies what has changed in the file, and nothing else.
    """
    if keep and not controller:
        usage("--keep needs --controller", "to keep a mesh of one's own: --state-dir DIR")
    _check_together({"--join": join, "--listen": listen, "--grpc-address": grpc_address, "--controller": controller})
    if join and publish:
        usage("--publish is for the machine of the controller", "leave it out here")
    from weft.client.documents import problem_of, wrong_files
    from weft.resources import expand

    _check_addresses(rest_address, grpc_address)
    if not file.exists():
        usage(f"there is no {file} here", "go to its folder, or name it with -f")
    expanded = expand(file)
    if not expanded.ok:
        raise wrong_files(map(problem_of, expanded.problems))
    if print_only:
        _print(expanded, all_published(publish or (), expanded))
        return
    from weft.run.controller import NAME, Failed
    from weft.run.display import Display
    from weft.run.project import Project
    from weft.run.up import Order, Up
    from weft.run.where import Asked, warnings, where

    project = Project.of(file)
    if run := project.run():
        _change(run, all_published(publish or (), expanded), join)
        return
    asked = Asked(join, listen, bind, controller or "", grpc_address)
    found = where(asked, expanded, project.joined(state_dir))
    if found.member and join.startswith("weft") and not detach:
        _out_of_sight(join, found.member.offer)
    for text in warnings(found, expanded) if not detached else ():
        warn(text)
    if detach:
        options = {
            "--file": file,
            "--rest-address": rest_address,
            "--grpc-address": grpc_address,
            "--state-dir": state_dir,
            "--controller": controller,
            "--listen": listen,
            "--bind": bind,
            "--join": found.member.offer() if found.member and join else None,
        }
        raise typer.Exit(_detach(options, publish or (), keep))
    expanded_here = expanded.on(found.member.machine if found.member else "")
    published_here = {} if found.member else all_published(publish or (), expanded)
    if not (expanded_here.workloads or published_here or expanded.machines):
        hint = "give a service something to run; `weft apply` is for a mesh that is up"
        raise Failure(f"nothing in {file} runs or is published", hint)
    order = Order(
        file,
        expanded,
        publish=published_here,
        controller=controller,
        keep=keep,
        rest_address=rest_address,
        grpc_address=found.grpc_address,
        bind=found.bind,
        member=found.member,
        state_dir=None if found.member else state_dir or (project.kept if found.lasting else None),
        project=project,
        detached=detached,
    )
    display = Display([NAME, expanded.edge, *(plan.name for plan in expanded_here.workloads)])

    try:
        raise typer.Exit(asyncio.run(_run(Up(order, display), detached)))
    except Failed as failed:
        show_tail(failed.tail)
        raise


def _out_of_sight(token: str, kept: Callable[[], Path]) -> None:
    """Everybody on the machine can read a command line (ps) for as long as its process is there: the same one begins
    anew, with a file in the token's place."""
    words = sys.orig_argv[1:]
    if any(token in word for word in words):
        file = str(kept())
        os.execv(sys.executable, [sys.executable, *(word.replace(token, file) for word in words)])


async def _run(up: Up, detached: bool) -> int:
    from weft.run.detach import let_go

    async def quiet() -> None:
        await up.ready.wait()
        let_go()

    waiting = asyncio.create_task(quiet()) if detached else None
    try:
        return await up.run()
    finally:
        if waiting:
            waiting.cancel()


def _detach(given: Mapping[str, object], publish: Iterable[str], keep: bool) -> int:
    from weft.run.detach import detach

    options = [word for name, value in given.items() if value for word in (name, str(value))]
    options += [word for text in publish for word in ("--publish", text)]
    return detach([*options, "--keep"] if keep else options, note)


def _check_together(given: Mapping[str, str | None]) -> None:
    """Each says where the controller is."""
    named = [option for option, value in given.items() if value]
    if len(named) > 1:
        usage(f"{named[0]} and {named[1]} say different things", "give one of them")


def _change(run: Run, publish: Mapping[str, Target], join: str) -> None:
    """It is up: what is different in the file now."""
    from weft.run.control import ask
    from weft.run.controller import Failed

    note(f"it is up already (pid {run.pid}); applying what has changed")
    targets = {address: (target.service, target.port) for address, target in publish.items()}
    try:
        request = {"do": "change", "variables": dict(os.environ), "publish": targets, "join": _token(join)}
        ask(run.socket, request, note)
    except Failed as failed:
        show_tail(failed.tail)
        raise


def _token(join: str) -> str:
    """Its text: a file's name means something here only."""
    from weft.run.member import machine_token

    return machine_token(join).encode() if join else ""


def _check_addresses(rest: str, grpc: str) -> None:
    """As the controller would, a second earlier."""
    from weft.controller.options import OptionError, Options

    try:
        Options(Path(), rest_address=rest, grpc_address=grpc or "127.0.0.1:15010").check()
    except OptionError as error:
        usage(str(error), error.hint)
    for option, address in {"--rest-address": rest, "--grpc-address": grpc}.items():
        if address.rpartition(":")[2] == "0":
            usage(f"{option} {address} names no port", "others have to find it: take a free one, such as 15080")


def show_tail(lines: tuple[str, ...]) -> None:
    import sys

    from weft.run.visible import visible

    if lines:
        print("\n".join(["", "last lines:", *(f"  {visible(line)}" for line in lines), ""]), file=sys.stderr)


def _print(expanded: Expanded, publish: Mapping[str, Target]) -> None:
    """All that the file stands for: what no resource says stands in comments."""
    from weft.resources import to_yaml
    from weft.run.fromfile import admission, elsewhere, places, waits

    for line in (*places(expanded, publish), *waits(expanded), *elsewhere(expanded)):
        print(f"# {line}")
    print(to_yaml([*expanded.resources, *admission(expanded, publish)]), end="")


def all_published(texts: Iterable[str], expanded: Expanded) -> dict[str, Target]:
    """What the file publishes, and what the options add."""
    from weft.run.fromfile import published as written

    found = written(expanded)
    for text in texts:
        address, target = published(text, expanded)
        if found.get(address, target) != target:
            usage(
                f"--publish names {address} twice: for {found[address].service} and {target.service}",
                "give each a local port of its own",
            )
        found[address] = target
    return found


def published(text: str, expanded: Expanded) -> tuple[str, Target]:
    """ "web=8080" as 127.0.0.1:8080 to the first port of web."""
    from weft.run.fromfile import declared, local_address
    from weft.run.loopback import Target

    left, equals, local = text.partition("=")
    name, _, port = left.partition(":")
    if not equals or not local.isdecimal() or not 0 < int(local) < 65536 or (port and not port.isdecimal()):
        usage(f"--publish {text!r} is not SERVICE[:PORT]=LOCAL", "write --publish web=8080")
    service = qualified(name, next((plan.namespace for plan in expanded.workloads), "default"))
    ports = declared(expanded).get(service, ())
    if not ports or (port and int(port) not in ports):
        usage(f"--publish: {left} is not a service of this file with such a port")
    return local_address(int(local)), Target(service, int(port) if port else ports[0])
