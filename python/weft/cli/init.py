"""`weft init`: a first weft.yaml from what is there already."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import Failure, note, problem_text, usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weft.init.draft import Draft
    from weft.resources.problem import Problem

STDOUT = "-"
SCHEMA = "weft.schema.json"


def init(
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A Compose file or Procfile, or its folder; else what is here"),
    ] = None,
    listening: Annotated[
        bool, typer.Option("--listening", help="What listens on this machine, as services that weft does not run")
    ] = False,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="What to write, - for stdout")] = Path(
        "weft.yaml"
    ),
    schema: Annotated[bool, typer.Option("--schema", help=f"Write {SCHEMA} beside it, for editors")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there")] = False,
) -> None:
    """Write a weft.yaml from a Compose file or a Procfile.

    Takes compose.yaml or docker-compose.yaml of this folder, else its Procfile. Nothing is started, stopped or built;
    what has no place in a weft.yaml is listed on stderr, with its line and why.
    """
    if source and listening:
        usage("--from and --listening name two sources", "one at a time; include: [other.yaml] joins two files")
    if schema and str(out) == STDOUT:
        usage("--schema needs a file beside which it can write", "leave --out away, or `weft schema > FILE`")
    if not force and str(out) != STDOUT:
        for there in (out, out.with_name(SCHEMA)) if schema else (out,):
            if there.exists():
                usage(f"{there} is there already", "write another one with --out FILE, or this one with --force")
    made = _listening() if listening else _draft(source or Path(), out)
    _list(problem for problem in made.problems if problem.severity == "warning")
    if not made.ok:
        _refuse(made)
    _write(made, out, schema, private=listening)


def _found(folder: Path) -> Path:
    from weft.init import compose, procfile

    here = [folder / name for name in (*compose.NAMES, procfile.NAME) if (folder / name).is_file()]
    if not here:
        hint = "go to their folder, name one with --from FILE, or see what listens on this machine with --listening"
        where = "here" if folder == Path() else f"in {folder}"
        usage(f"there is no Compose file and no Procfile {where}", hint)
    for other in here[1:]:
        note(f"{other} is here, too: `weft init --from {other}` takes that one")
    return here[0]


def _draft(source: Path, out: Path) -> Draft:
    from weft.init import compose, procfile

    if source.is_dir():
        source = _found(source)
    if not source.is_file():
        usage(f"there is no file {source}", "a Compose file or a Procfile")
    made = procfile.draft if procfile.NAME.lower() in source.name.lower() else compose.draft
    return made(source, Path() if str(out) == STDOUT else out.parent)


def _listening() -> Draft:
    from weft.init import listening
    from weft.run.sys_ports import PROC, listeners

    if not (PROC / "net/tcp").exists():
        raise Failure("this system does not tell who listens", "write services with endpoints: by hand")
    return listening.draft(listeners())


def _list(problems: Iterable[Problem]) -> None:
    """One line each: a file may have dozens."""
    listed = list(problems)
    if listed:
        note("without a place in a weft.yaml, or with another meaning there:")
    for problem in listed:
        place = f"{problem.place}: " if problem.file else ""
        note(f"  {place}{problem.what}: {problem.why}" + (f" ({problem.hint})" if problem.hint else ""))
    if listed:
        note("")


def _refuse(made: Draft) -> None:
    from weft.client.documents import problem_of, wrong_files

    errors = [problem_of(problem) for problem in made.problems if problem.severity == "error"]
    if errors:
        raise wrong_files(errors)
    raise Failure(f"nothing in {made.source} could become a service", "what it says is listed above")


def _write(made: Draft, out: Path, schema: bool, private: bool) -> None:
    """`private`: the command lines of other people's programs stand in it, which may hold secrets."""
    from weft.client.documents import problem_of
    from weft.init.draft import text
    from weft.resources.expand import expand_text
    from weft.resources.gather import Around
    from weft.run.state import write_private

    written = text(made, SCHEMA if schema else "")
    if str(out) == STDOUT:
        sys.stdout.write(written)
    elif private:
        write_private(out, written)
    else:
        out.write_text(written, encoding="utf-8")
    if schema:
        _write_schema(out.with_name(SCHEMA))
    expanded = expand_text(written, str(out), Around.of(out))
    if not expanded.ok:
        places = [problem_text(problem_of(problem)) for problem in expanded.problems]
        hint = f"put that right, then weft validate -f {out}"
        raise Failure(f"{out} was written, and is not complete yet", hint, places)
    if str(out) != STDOUT:
        number = len([entry for entry in made.entries if entry.fields])
        at = "" if out == Path("weft.yaml") else f" -f {out}"
        note(f"wrote {out}: {number} service{'s' if number != 1 else ''} from {made.source}")
        note(f"next: read it, then `weft up --print{at}` shows what it means, and `weft up{at}` runs it")


def _write_schema(path: Path) -> None:
    import json

    from weft.resources.schema import schema

    path.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
