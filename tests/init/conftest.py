"""Compose files as they are in real life, in a folder with what they name."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from weft.init.compose import draft
from weft.init.draft import text
from weft.resources.expand import expand_text
from weft.resources.gather import Around

FIXTURES = Path(__file__).with_name("fixtures")
FILES = {
    "Dockerfile": "FROM python:3.12\nEXPOSE 5000\nCMD flask run\n",
    "docker/Dockerfile": 'FROM ruby\nWORKDIR /srv\nWORKDIR app\nENTRYPOINT ["docker-entrypoint"]\n',
    "web/Dockerfile": 'FROM python:3.12\nWORKDIR /app\nCOPY . .\nEXPOSE 8000\nCMD ["python3", "/app/web.py"]\n',
    "vote/Dockerfile": 'FROM python AS dev\nWORKDIR /app\nCMD ["python", "app.py"]\nFROM dev AS final\nCMD false\n',
    "worker/Dockerfile": 'FROM x\nENTRYPOINT ["./worker"]\nCMD ["--often"]\n',
    "api/app.py": "import flask\n",
    "result/server.js": "app.listen(process.env.PORT || 3000)\n",
    "tasks/migrate.py": "",
    "api.env": "SECRET=abc\nWORKERS=4\n",
    "base.env": "TOKEN=a\n",
    ".env": "POSTGRES_PASSWORD=pw\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With all fixtures in it, and the programs that they speak of."""
    for file in FIXTURES.iterdir():
        shutil.copy(file, tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


@dataclass(frozen=True)
class Converted:
    fields: dict[str, dict[str, Any]]
    # What was listed: path to why.
    listed: dict[str, str]
    errors: list[str]
    comments: dict[str, list[str]]


@pytest.fixture
def converted(folder: Path) -> Callable[[str], Converted]:
    """A Compose file, given as its services, in that folder; what it became is a weft.yaml."""

    def convert(services: str) -> Converted:
        (folder / "compose.yaml").write_text(f"services:\n{textwrap.indent(textwrap.dedent(services), '  ')}")
        made = draft(folder / "compose.yaml", folder)
        if made.ok:
            expanded = expand_text(text(made), "weft.yaml", Around(folder, {}))
            assert expanded.ok, (text(made), expanded.problems)
        return Converted(
            {entry.name: entry.fields for entry in made.entries},
            {problem.what: problem.why for problem in made.problems if problem.severity == "warning"},
            [f"{each.line}: {each.what}: {each.why}" for each in made.problems if each.severity == "error"],
            {entry.name: entry.comments for entry in made.entries},
        )

    return convert
