from pathlib import Path
from typing import Any

import pytest

from weft.init.draft import text
from weft.init.procfile import draft
from weft.resources.expand import expand_text
from weft.resources.gather import Around


def fields(folder: Path, written: str, env: str | None = None) -> dict[str, Any]:
    (folder / "Procfile").write_text(written)
    if env is not None:
        (folder / ".env").write_text(env)
    made = draft(folder / "Procfile", folder)
    assert made.ok, made.problems
    expanded = expand_text(text(made), "weft.yaml", Around(folder, {}))
    assert expanded.ok, expanded.problems
    return {entry.name: entry.fields for entry in made.entries}


def test_ports_count_from_5000_and_only_for_those_who_use_one(tmp_path: Path) -> None:
    found = fields(
        tmp_path,
        "# all of it\nweb: bundle exec puma -p $PORT\n\nworker: rake jobs:work\nAPI_v2: node api.js --port ${PORT}\n",
    )
    assert found == {
        "web": {"command": ["sh", "-c", "exec bundle exec puma -p $PORT"], "port": 5000, "publish": 5000},
        "worker": {"run": "rake jobs:work"},
        "api-v2": {"command": ["sh", "-c", "exec node api.js --port $${PORT}"], "port": 5200, "publish": 5200},
    }


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("python3 app.py 'a b'", {"run": "python3 app.py 'a b'"}),
        ("a && b", {"command": ["sh", "-c", "a && b"]}),
        ("a | b", {"command": ["sh", "-c", "a | b"]}),
        ("A=b c", {"command": ["sh", "-c", "A=b c"]}),
        ("exec serve $PORT_80", {"command": ["sh", "-c", "exec serve $PORT_80"]}),
        ("echo $HOME", {"command": ["sh", "-c", "exec echo $HOME"]}),
        ("echo it's", {"command": ["sh", "-c", "exec echo it's"]}),
    ],
)
def test_a_shell_stands_before_what_needs_one(tmp_path: Path, command: str, written: dict[str, Any]) -> None:
    assert fields(tmp_path, f"job: {command}\n") == {"job": written}


def test_what_env_says_is_for_all_and_stays_there(tmp_path: Path) -> None:
    found = fields(tmp_path, "web: serve\njob: work\n", "SECRET=abc\nPORT=3000\n")
    assert found["web"] == {"run": "serve", "port": 3000, "publish": 3000, "env": {"SECRET": "${SECRET}"}}
    assert found["job"] == {"run": "work", "env": {"SECRET": "${SECRET}"}}


@pytest.mark.parametrize(
    ("written", "line", "what"),
    [
        ("web: x\nno colon here\n", 2, "this is no process"),
        ("web: x\nweb: y\n", 2, "web stands twice"),
        ("web:\n", 1, "this is no process"),
        ("", 0, "is empty"),
    ],
)
def test_what_is_wrong_has_its_line(tmp_path: Path, written: str, line: int, what: str) -> None:
    (tmp_path / "Procfile").write_text(written)
    (problem,) = draft(tmp_path / "Procfile", tmp_path).problems
    assert (problem.line, problem.what) == (line, what)
    assert problem.hint


def test_in_another_folder_it_runs_where_it_did_and_misses_its_variables(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: x\n")
    (tmp_path / ".env").write_text("A=b\n")
    made = draft(tmp_path / "Procfile", tmp_path / "deploy")
    assert made.entries[0].fields["directory"] == ".."
    assert [(problem.what, problem.severity) for problem in made.problems] == [(".env", "warning")]
