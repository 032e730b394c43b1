"""All commands, and what happens around each: arguments in, exit status out, every failure in one form."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from weft.cli import (
    apply,
    backup,
    check,
    compile,
    completion,
    controller,
    demo,
    edges,
    events,
    explain,
    get,
    graph,
    history,
    identity,
    init,
    machines,
    run,
    running,
    schema,
    stat,
    status,
    tap,
    uninstall,
    unit,
    up,
)
from weft.cli.failure import FAILED, USAGE, Failure, of_error, sentence, show
from weft.client.errors import WeftError

HELP = ("-h", "--help")

app = typer.Typer(
    name="weft",
    help="A service mesh for services that run anywhere.",
    # Plain text: it can be read without colours, pasted, and searched.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP), "max_content_width": 80},
)

app.command("demo")(demo.demo)
app.command("init")(init.init)
app.command("up")(up.up)
app.command("ps")(running.ps)
app.command("logs")(running.logs)
app.command("restart")(running.restart)
app.command("down")(running.down)
# What follows the command is the command's own.
app.command("run", context_settings={"allow_interspersed_args": False})(run.run)
app.command("controller")(controller.controller)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
# What follows the first word is another command's own.
app.command("unit", context_settings={"allow_interspersed_args": False})(unit.unit)
app.command("uninstall")(uninstall.uninstall)
app.command("apply")(apply.apply)
app.command("diff")(apply.diff)
app.command("validate")(apply.validate)
app.command("delete")(get.delete)
app.command("get")(get.get)
app.command("status")(status.status)
app.command("workloads")(status.workloads)
app.command("edges")(edges.edges)
app.command("stat")(stat.stat)
app.command("top")(stat.top)
app.command("graph")(graph.graph)
app.command("tap")(tap.tap)
app.command("events")(events.events)
app.command("history")(history.history)
app.command("rollback")(history.rollback)
app.command("explain")(explain.explain)
app.command("check")(check.check)
app.command("compile")(compile.compile_program)
app.command("schema")(schema.schema)
identity.tokens.command("machine")(machines.machine)
app.add_typer(identity.tokens, name="token")
app.command("certs")(identity.certs)
# Whatever stands after the shell is somebody's command line.
app.command("completion", context_settings={"allow_interspersed_args": False})(completion.completion)


@app.command("version")
def version() -> None:
    """Print the version."""
    from weft import __version__

    print(__version__)


def _version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


def run_app(arguments: Sequence[str]) -> int:
    """The exit status of `weft ARGUMENTS`; never raises what a user could have caused."""
    command = typer.main.get_command(app)
    arguments = list(arguments) or ["--help"]
    try:
        if _print_help(command, arguments):
            return 0
        result = command.main(arguments, prog_name="weft", standalone_mode=False)
        # Flushed here, so that a reader who left early is noticed while we can still say nothing about it.
        if sys.stdout is not None:  # None: it was closed before we came
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except Failure as failure:
        show(failure)
        return failure.status
    except typer.TyperException as error:
        show(_usage_failure(error, command, arguments))
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        return 130  # 128 + SIGINT, as shells count
    except BrokenPipeError:
        sys.stdout = None
        return 0
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        return 0  # typer has seen it first
    except WeftError as error:
        show(of_error(error))
        return FAILED
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) and error.filename is None:
            sys.stdout = None  # nothing of it is tried again on the way out
            show(Failure(f"cannot write the output: {os.strerror(error.errno).lower()}", "make room"))
            return FAILED
        if error.filename is None:
            raise  # of no file that somebody named: a defect
        show(Failure(f"{error.filename}: {(error.strerror or str(error)).lower()}"))
        return FAILED


def _print_help(command: Any, arguments: Sequence[str]) -> bool:
    """`weft [COMMAND…] --help`, without typer's own parser: that one imports pydantic, which takes longer than this."""
    *words, last = arguments
    if last not in HELP:
        return False
    found, context, rest = command_of(command, words)
    if not rest:
        print(found.get_help(context))
    return not rest


def command_of(command: Any, words: Sequence[str]) -> tuple[Any, typer.Context, Sequence[str]]:
    """The command that `words` begin with, and what follows it."""
    context = typer.Context(command, info_name="weft", **command.context_settings)
    for place, word in enumerate(words):
        found = command.get_command(context, word) if isinstance(command, TyperGroup) else None
        if found is None:
            return command, context, words[place:]
        command, context = found, typer.Context(found, context, info_name=word, **found.context_settings)
    return command, context, ()


def _usage_failure(error: typer.TyperException, command: Any, arguments: Sequence[str]) -> Failure:
    context = getattr(error, "ctx", None) or command_of(command, arguments)[1]
    text = " ".join(error.format_message().split())  # typer lists choices one below the other
    for noise in ("Value error, ", "Input "):
        text = text.replace(f": {noise}", ": ")
    for mark, end in ((". Did you mean ", ""), (" (Possible options: ", ")")):
        text, _, near = text.partition(mark)
        if near:
            guess = near.removesuffix("?").removesuffix(end)
            return Failure(_lower(text), f"did you mean {guess.replace(', ', ' or ')}?", status=USAGE)
    return Failure(_lower(text), f"see `{context.command_path} --help`", status=USAGE)


def _lower(text: str) -> str:
    text = sentence(text)
    return text[:1].lower() + text[1:]


def main() -> int:
    return run_app(sys.argv[1:])
