"""How a command says that it failed: `error: …`, a blank line, `hint: …`, on stderr, without full stops."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NoReturn

from weft.client.errors import ControllerUnreachable, WeftError
from weft.client.types import Problem
from weft.printable import printable

FAILED = 1
USAGE = 2


class Failure(Exception):
    """Ends the command. `places` come first: one line for each thing that is wrong."""

    def __init__(self, message: str, hint: str | None = None, places: Iterable[str] = (), status: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.places = tuple(places)
        self.status = status


def usage(message: str, hint: str | None = None) -> NoReturn:
    raise Failure(message, hint, status=USAGE)


def show(failure: Failure) -> None:
    for place in failure.places:
        note(f"{place}\n")
    note(f"error: {sentence(failure.message)}")
    if failure.hint:
        note(f"\nhint: {sentence(failure.hint)}")


def warn(message: str, hint: str | None = None) -> None:
    note(f"warning: {sentence(message)}" + (f"\n\nhint: {sentence(hint)}" if hint else ""))


def note(message: str) -> None:
    """Progress, for people."""
    print(printable(message), file=sys.stderr)


def sentence(text: str) -> str:
    """One sentence has no full stop; an ellipsis stays."""
    text = text.strip()
    return text[:-1] if text.endswith(".") and not text.endswith("..") else text


def of_error(error: WeftError) -> Failure:
    """With a line for each problem."""
    hint = _where_else(error) or error.hint
    return Failure(error.message, hint, [problem_text(problem) for problem in error.problems])


def _where_else(error: WeftError) -> str:
    """Who asks on a machine that has joined a mesh asks on the wrong one."""
    from weft.client.rest import DEFAULT_ADDRESS

    if not isinstance(error, ControllerUnreachable) or DEFAULT_ADDRESS not in error.message:
        return ""
    from weft.run.member import joined
    from weft.run.state import state_root

    controllers = joined(state_root())
    return f"the controller that this machine has joined is at {controllers[0]}: ask on that one" if controllers else ""


def problem_text(problem: Problem) -> str:
    """Where, what, what next."""
    text = f"{problem.severity}: {sentence(str(problem))}"
    return f"{text}\n\nhint: {sentence(problem.hint)}" if problem.hint else text
