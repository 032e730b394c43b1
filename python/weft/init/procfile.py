"""A Procfile as a draft, with foreman's conventions: a shell runs each line, PORT counts from 5000, .env is for all.

Source: https://ddollar.github.io/foreman/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.init.draft import Draft, Entry, relative, variables
from weft.resources.gather import text_of
from weft.resources.problem import Problem
from weft.run.plan import dns_label

NAME = "Procfile"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+)\s*:\s*(?P<command>\S.*)")
# Of the first kind of process; each further kind has the next hundred.
PORT, STEP = 5000, 100
# Without any of these a command is the same with a shell and without one.
_SHELL = re.compile(r"[$|&;<>()`*?~#\n]|^\w+=")
# One program, which may take the shell's place, so that signals reach it.
_SIMPLE = re.compile(r"[^|&;<>()`\n]+")
# What only a shell does itself, or what does the same already.
_OWN = re.compile(r"\w+=|(?:exec|cd|export|eval|source|set|\.)\s")
_PORT = re.compile(r"\$(PORT\b|\{PORT\b)")


def draft(file: Path, out: Path) -> Draft:
    """`out`: the folder of the weft.yaml."""
    made = Draft(file.name)
    text, made.problems = text_of(file)
    env = variables(made, file.parent, out)
    base = int(env["PORT"]) if env.get("PORT", "").isdecimal() else PORT
    # What .env says stays there, once; PORT is weft's.
    given = {name: f"${{{name}}}" for name in env if name != "PORT"}
    directory = relative(file.parent, out)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            hint = "write name: command, such as web: python3 app.py"
            made.problems.append(Problem(str(file), number, 1, "this is no process", line.strip()[:60], hint))
            continue
        name = dns_label(match["name"])
        if any(entry.name == name for entry in made.entries):
            what = f"{match['name']} stands twice"
            made.problems.append(Problem(str(file), number, 1, what, hint="give it another name"))
            continue
        entry = _entry(name, match["command"], base + STEP * len(made.entries), given)
        entry.fields |= {"directory": directory} if directory else {}
        made.entries.append(entry)
    if not made.entries and not made.problems:
        made.problems.append(Problem(str(file), 0, 0, "is empty", hint="web: python3 app.py"))
    made.comments = ["calls: [name] gives a process the address of another, as NAME_URL, and says who may call it."]
    return made


def _entry(name: str, command: str, port: int, env: Mapping[str, str]) -> Entry:
    fields: dict[str, Any] = _command(command)
    if name == "web" or _PORT.search(command):
        fields |= {"port": port, "publish": port}
    return Entry(name, fields | ({"env": dict(env)} if env else {}))


def _command(command: str) -> dict[str, Any]:
    # ${NAME} is the shell's here, not a variable of the weft.yaml.
    escaped = command.replace("${", "$${")
    if not _SHELL.search(command):
        try:
            shlex.split(command)
            return {"run": escaped}
        except ValueError:
            pass
    alone = _SIMPLE.fullmatch(command) and not _OWN.match(command)
    return {"command": ["sh", "-c", f"exec {escaped}" if alone else escaped]}
