"""`weft completion`: what could stand next on a command line, and the few lines that ask it from a shell.

Typer has completion of its own; it asks nobody for names, waits for whoever is asked, and reaches into a shell's start
files. Here a shell gets one function, and everything else is decided in Python, where it can be tested.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from weft.mesh import Mesh

# Longer than this a Tab feels broken; a controller of this machine needs a hundredth of it.
PATIENCE_S = 0.3
# A screenful is what completion is for; more is a list, which `weft get` prints.
MAX_NAMES = 200

# The words up to the cursor go to us as they are. Where we know nothing, bash offers files.
BASH = """\
_weft() {
    local IFS=$'\\n'
    COMPREPLY=( $("$1" completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
}
complete -o default -F _weft weft
"""
ZSH = """\
#compdef weft
_weft() {
    local -a found
    found=("${(@f)$("${words[1]}" completion zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[*]}" ]]; then compadd -a found; else _files; fi
}
compdef _weft weft
"""
FISH = """\
complete --command weft --keep-order --arguments \
'(weft completion fish -- (commandline -opc)[2..] "$(commandline -ct)" 2>/dev/null)'
"""


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


SCRIPTS = {Shell.BASH: BASH, Shell.ZSH: ZSH, Shell.FISH: FISH}


def completion(
    shell: Annotated[Shell, typer.Argument(help="Whose script")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[-- WORDS]", help="Print what the last could be")
    ] = None,
) -> None:
    """Print the script that completes weft in a shell.

    bash, zsh: eval "$(weft completion bash)" in ~/.bashrc or ~/.zshrc. fish: weft completion fish | source. Names
    come from the controller, when it answers within 300 ms.
    """
    if not words:
        print(SCRIPTS[shell], end="")
        return
    from weft.cli.app import app

    # Words are taken as they are from the shell on, and so is the mark before them.
    line = words[1:] if words[0] == "--" else words
    for word in candidates(typer.main.get_command(app), line or [""], asked):
        print(word)


Names = Callable[[Callable[["Mesh"], Iterable[str]]], Sequence[str]]


def candidates(command: Any, words: Sequence[str], names: Names) -> list[str]:
    """What the last of `words` could be; `names` asks a mesh, or answers nothing."""
    from weft.cli.app import command_of

    *before, begun = words
    found, context, rest = command_of(command, before)
    if hasattr(found, "list_commands"):
        commands, options = found.list_commands(context), _options(found) if begun.startswith("-") else []
        offered: Iterable[str] = [] if rest else [*commands, *options]
    else:
        offered = _of_command(found, rest, begun, names)
    return sorted({word for word in offered if word.startswith(begun)})[:MAX_NAMES]


def asked(question: Callable[[Mesh], Iterable[str]]) -> Sequence[str]:
    """The answer of the usual controller, if it comes in time; whoever presses Tab wants no errors."""
    from weft.client.errors import WeftError
    from weft.mesh import Mesh

    answer: list[str] = []
    try:
        mesh = Mesh.connect()
    except WeftError:
        return answer

    def ask() -> None:
        with contextlib.suppress(WeftError):
            answer.extend(question(mesh))

    # A thread, because no timeout of a client limits the whole of a slow answer; it ends with the process.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_S)
    return [] if asking.is_alive() else answer


def _of_command(command: Any, rest: Sequence[str], begun: str, names: Names) -> Iterable[str]:
    takers = {opt: each for each in command.params if _takes_value(each) for opt in each.opts}
    if rest and rest[-1] in takers:
        return _values(takers[rest[-1]], [], names)
    if begun.startswith("-"):
        return _options(command)
    places = [each for each in command.params if each.param_type_name == "argument"]
    given = [
        word
        for place, word in enumerate(rest)
        if not word.startswith("-") and (not place or rest[place - 1] not in takers)
    ]
    if len(given) >= len(places):
        return []
    return _values(places[len(given)], given, names)


def _takes_value(parameter: Any) -> bool:
    return parameter.param_type_name == "option" and not parameter.is_flag


def _options(command: Any) -> list[str]:
    hidden = (getattr(each, "hidden", False) for each in command.params)
    shown = [each for each, no in zip(command.params, hidden, strict=True) if not no]
    return [opt for each in shown if each.param_type_name == "option" for opt in each.opts] + ["--help"]


def _values(parameter: Any, given: Sequence[str], names: Names) -> Iterable[str]:
    """Of one parameter, by its choices or by its name."""
    # The default says what kind of word it is; how typer keeps a type differs from version to version.
    if isinstance(parameter.default, StrEnum):
        return [str(each) for each in type(parameter.default)]
    place = parameter.param_type_name, parameter.name
    if place == ("argument", "shell"):
        return list(Shell)
    if place == ("argument", "kind"):
        return _kinds()
    if place == ("argument", "name") and given:
        return names(lambda mesh: _resources(mesh, given[0]))
    question = QUESTIONS.get(place)
    return names(question) if question else []


def _kinds() -> list[str]:
    from weft.resources.kinds import KINDS

    return [kind.lower() for kind in KINDS]


def _resources(mesh: Mesh, kind: str) -> Iterable[str]:
    """Their names, as commands take them in the default namespace."""
    from weft.cli.failure import Failure
    from weft.cli.kinds import kind_named

    try:
        found = mesh.list(kind_named(kind))
    except Failure:
        return []
    return [item.ref.rpartition("/")[2] for item in found]


def _services(mesh: Mesh) -> Iterable[str]:
    return [_short(service.name) for service in mesh.services()]


def _callers(mesh: Mesh) -> Iterable[str]:
    """Services, and workloads that serve none."""
    return [*_services(mesh), *(_short(each.name) for each in mesh.workloads())]


def _namespaces(mesh: Mesh) -> Iterable[str]:
    return [service.namespace for service in mesh.services()]


def _revisions(mesh: Mesh) -> Iterable[str]:
    return [str(each.revision) for each in mesh.revisions(MAX_NAMES)]


def _tokens(mesh: Mesh) -> Iterable[str]:
    return [token.id for token in mesh.tokens()]


def _short(name: str) -> str:
    """ "default/web" as "web": what has no namespace is looked for in that one."""
    return name.removeprefix("default/")


# By what commands call their arguments and options.
QUESTIONS: dict[tuple[str, str], Callable[[Mesh], Iterable[str]]] = {
    ("argument", "service"): _services,
    ("argument", "subject"): _callers,
    ("argument", "destination"): _callers,
    ("argument", "revision"): _revisions,
    ("argument", "token"): _tokens,
    ("option", "service"): _services,
    ("option", "to"): _services,
    ("option", "call"): _services,
    ("option", "source"): _callers,
    ("option", "namespace"): _namespaces,
}
