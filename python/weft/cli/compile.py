"""`weft compile`: resources to one program file for `weft-proxy run`, without any controller."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.apply import named
from weft.cli.failure import note
from weft.cli.options import Files, Namespace

if TYPE_CHECKING:
    from weft.compiler import Compiled
    from weft.v1.program_pb2 import Program


def compile_program(
    files: Files = None,
    listen: Annotated[str, typer.Option(metavar="ADDR", help="Where the proxy takes requests, by Host")] = (
        "127.0.0.1:15001"
    ),
    admin: Annotated[str, typer.Option(metavar="ADDR", help="Its metrics and health; empty: none")] = "127.0.0.1:15000",
    workload: Annotated[str, typer.Option(metavar="NAME", help="As whom it calls")] = "client",
    namespace: Namespace = "default",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Else stdout")] = None,
) -> None:
    """Print the program that files compile to.

    For `weft-proxy run --program FILE`, without any controller.

    Services need `endpoints` in their spec: there is no controller to learn them from.
    """
    from google.protobuf.json_format import MessageToJson

    from weft.cli.offline import compile_files

    compiled = compile_files(named(files))
    program = program_of(compiled)
    program.launch.workload.namespace = namespace
    program.launch.workload.name = workload
    program.launch.admin = admin
    program.launch.outbound.add(address=listen)
    _say_what_is_missing(compiled)
    text = MessageToJson(program, indent=1, preserving_proto_field_name=True)
    if out is None:
        print(text)
        return
    out.write_text(text + "\n", encoding="utf-8")
    note(f"{out}: {len(program.frontends)} frontends, {len(program.backends)} backends")
    note(f"\nhint: weft-proxy run --program {out}")


def _say_what_is_missing(compiled: Compiled) -> None:
    from weft.resources.service import Service

    for stored in compiled.snapshot.resources.values():
        if isinstance(stored.resource, Service) and stored.resource.spec.discovery:
            sources = ", ".join(map(str, stored.resource.spec.discovery))
            note(f"warning: {stored.resource.ref}: {sources} is not asked without a controller; write endpoints")


def program_of(compiled: Compiled) -> Program:
    """Every delivered resource, in the order in which a proxy should have them."""
    from weft.v1.program_pb2 import Program

    program = Program()
    lists: dict[str, Any] = {
        "Endpoints": program.endpoints,
        "Backend": program.backends,
        "Frontend": program.frontends,
    }
    for (kind, _), delivered in sorted(compiled.delivered.items()):
        if kind == "Mesh":
            program.mesh.ParseFromString(delivered.message.SerializeToString())
        elif kind in lists:
            lists[kind].add().MergeFrom(delivered.message)
    return program
