"""All commands, and what happens around each: arguments in, exit status out, every failure in one form."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from weft.cli import apply, compile, controller, edges, explain, get, identity, run, status, up
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

app.command("up")(up.up)
# What follows the command is the command's own.
app.command("run", context_settings={"allow_interspersed_args": False})(run.run)
app.command("controller")(controller.controller)
app.command("apply")(apply.apply)
app.command("diff")(apply.diff)
app.command("validate")(apply.validate)
app.command("delete")(get.delete)
app.command("get")(get.get)
app.command("status")(status.status)
app.command("workloads")(status.workloads)
app.command("edges")(edges.edges)
app.command("explain")(explain.explain)
app.command("compile")(compile.compile_program)
app.add_typer(identity.tokens, name="token")
app.command("certs")(identity.certs)


@app.command("version")
def version() -> None:
    """Print the version."""
    from weft import __version__

    print(__version__)


def run_app(arguments: Sequence[str]) -> int:
    """The exit status of `weft ARGUMENTS`; never raises what a user could have caused."""
    command = typer.main.get_command(app)
    arguments = list(arguments) or ["--help"]
    try:
        if _print_help(command, arguments):
            return 0
        result = command.main(arguments, prog_name="weft", standalone_mode=False)
        # Flushed here, so that a reader who left early is noticed while we can still say nothing about it.
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except Failure as failure:
        show(failure)
        return failure.status
    except typer.TyperException as error:
        show(_usage_failure(error))
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        return 130  # 128 + SIGINT, as shells count
    except BrokenPipeError:
        sys.stdout = None
        return 0
    except WeftError as error:
        show(of_error(error))
        return FAILED


def _print_help(command: Any, arguments: Sequence[str]) -> bool:
    """`weft [COMMAND…] --help`, without typer's own parser: that one imports pydantic, which takes longer than this."""
    *words, last = arguments
    if last not in HELP:
        return False
    context = typer.Context(command, info_name="weft", **command.context_settings)
    for word in words:
        found = command.get_command(context, word) if isinstance(command, TyperGroup) else None
        if found is None:
            return False
        command, context = found, typer.Context(found, context, info_name=word, **found.context_settings)
    print(command.get_help(context))
    return True


def _usage_failure(error: typer.TyperException) -> Failure:
    context = getattr(error, "ctx", None)
    text = sentence(error.format_message())
    path = context.command_path if context is not None else "weft"
    return Failure(text[:1].lower() + text[1:], f"see `{path} --help`", status=USAGE)


def main() -> int:
    return run_app(sys.argv[1:])
