"""`weft unit`: a systemd unit for a controller or a workload."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.failure import Failure, note, usage

if TYPE_CHECKING:
    from weft.run.sys_unit import Program, Unit

# Where an administrator's units are, on every distribution.
UNITS = Path("/etc/systemd/system")


class What(StrEnum):
    CONTROLLER = "controller"
    RUN = "run"


def unit(
    what: Annotated[What, typer.Argument(metavar="controller|run")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[OPTIONS OF IT]...")] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Run as this user; else as one made for the unit")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="Write it to the directory instead of stdout")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a unit that is there")] = False,
    directory: Annotated[Path, typer.Option(metavar="DIR", help="Of units")] = UNITS,
) -> None:
    """Print a systemd unit for `weft controller` or `weft run`.

    What follows the word is that command's own; options of this one stand
    before it: weft unit --install run --service web --token FILE -- COMMAND.
    The user of the unit is not yours: a workload joins with a token, and its
    files must be readable for it.
    """
    made = _made(what, list(arguments or ()), user)
    if not install:
        print(made.text, end="")
        return
    path = directory / f"{made.name}.service"
    if path.exists() and path.read_text(encoding="utf-8") != made.text and not force:
        raise Failure(f"{path} exists and is another", "see it with `systemctl cat`, or replace it with --force")
    path.write_text(made.text, encoding="utf-8")
    print(path)
    note(f"\nhint: systemctl daemon-reload && systemctl enable --now {made.name}; journalctl -fu {made.name}")


def _made(what: What, arguments: list[str], user: str | None) -> Unit:
    from weft.run import sys_unit as units

    given = _parsed(what, arguments)
    if given.get("state_dir") is not None:
        usage("--state-dir is the unit's own affair", "`StateDirectory=` makes one for its user")
    program = _program()
    if program.at_home:
        note(f"warning: {program.command[0]} lies in a home directory, which another user may not be able to read")
    try:
        if what is What.CONTROLLER:
            return units.controller(program, arguments, user)
        name, token = _workload(given)
        return units.workload(program, name, _without_token(arguments), user, token)
    except ValueError as error:
        usage(str(error))


def _parsed(what: What, arguments: Sequence[str]) -> dict[str, Any]:
    """As the command itself would read them; it says what is wrong with them."""
    from weft.cli.app import app, command_of

    command, parent, _ = command_of(typer.main.get_command(app), [what.value])
    return dict(command.make_context(what.value, list(arguments), parent=parent.parent).params)


def _workload(given: dict[str, Any]) -> tuple[str, str | None]:
    from weft.cli.run import default_name

    command: list[str] = given["command"]
    if not os.path.isabs(command[0]):
        usage(f"{command[0]} has no path", "a unit knows neither your PATH nor your folder: write it with its path")
    token = given.get("token")
    if token is not None and not Path(token).is_absolute():
        usage(f"--token {token} has no path", "write it with its path")
    return given.get("name") or default_name(given.get("service"), os.path.basename(command[0])), token and str(token)


def _without_token(arguments: list[str]) -> list[str]:
    """The unit has its own way to it."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*kept, word, *words]
        if word == "--token":
            next(words, None)
        elif not word.startswith("--token="):
            kept.append(word)
    return kept


def _program() -> Program:
    from weft import __version__
    from weft.run.sys_unit import Program

    script = Path(sys.executable).with_name("weft")
    # -P: a file types.py in the unit's folder is not Python's.
    command = [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-P", "-m", "weft.cli"]
    at_home = script.parts[1] in ("home", "root")
    return Program(command, __version__, at_home)
