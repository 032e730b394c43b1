from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.init.conftest import Converted

Convert = Callable[[str], Converted]


@pytest.mark.parametrize(
    ("written", "runs"),
    [
        ("build: ./web", {"command": ["python3", "web.py"], "directory": "web"}),
        ("build: {context: web}\ncommand: python3 other.py", {"run": "python3 other.py", "directory": "web"}),
        ("build: web\nentrypoint: [sh, -c]\ncommand: [a]", {"command": ["sh", "-c", "a"], "directory": "web"}),
        ("build: web\nentrypoint: serve --all", {"run": "serve --all", "directory": "web"}),
        ("build: worker\ncommand: --quick on", {"command": ["./worker", "--quick", "on"], "directory": "worker"}),
        ("image: node:20\ncommand: node a.js", {"run": "node a.js"}),
        (
            "image: python:3\nworking_dir: /w/tasks\nvolumes: ['.:/w']\ncommand: python3 /w/tasks/migrate.py",
            {"run": "python3 migrate.py", "directory": "tasks"},
        ),
        (
            "image: python\nvolumes: [{type: bind, source: ./api, target: /a}]\ncommand: x",
            {"run": "x", "directory": "api"},
        ),
    ],
)
def test_what_runs_and_where(converted: Convert, written: str, runs: dict[str, Any]) -> None:
    found = converted("a:\n" + "".join(f"  {line}\n" for line in [*written.splitlines(), "expose: []"]))
    known = {name: value for name, value in found.fields["a"].items() if name in ("run", "command", "directory")}
    assert (known, found.errors) == (runs, [])


def test_an_environment_in_each_form(converted: Convert) -> None:
    found = converted(
        """\
        a:
          build: .
          env_file: [api.env, {path: gone.env, required: false}]
          environment: [A=1, B=x=y, C=, SECRET=own, POSTGRES_PASSWORD, HOME]
        b:
          build: .
          environment: {N: 1, T: true, E: , S: no}
        """
    )
    assert found.fields["a"]["env"] == {
        "SECRET": "own",
        "WORKERS": "4",
        "A": "1",
        "B": "x=y",
        "C": "",
        "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD}",
    }
    assert found.fields["b"]["env"] == {"N": "1", "T": "true", "S": "no"}
    assert found.listed["a.env_file"] == "written under env, secrets too: SECRET, WORKERS"


def test_a_file_that_is_missing_is_an_error(converted: Convert) -> None:
    assert converted("a: {build: ., env_file: gone.env}").errors == ["2: a.env_file: gone.env cannot be read"]


def test_conditions_are_kept(converted: Convert) -> None:
    found = converted(
        """\
        a: {build: ., depends_on: [b]}
        b: {build: ., ports: [], depends_on: {c: {condition: service_healthy, required: false}}}
        c: {build: .}
        """
    )
    assert found.fields["a"]["depends_on"] == {"b": {"condition": "service_started"}}
    assert found.fields["b"]["depends_on"] == {"c": {"condition": "service_healthy"}}
    assert "b.depends_on.c.required" in found.listed


@pytest.mark.parametrize("written", ["scale: 3", "deploy: {replicas: 3}", "scale: ${N:-3}"])
def test_copies_in_each_form(converted: Convert, written: str) -> None:
    assert converted(f"a: {{build: worker, {written}}}".replace("${N:-3}", "'${N:-3}'")).fields["a"]["replicas"] == 3


def test_a_misspelt_field_is_listed_with_what_was_meant(folder: Path, converted: Convert) -> None:
    found = converted("a: {build: worker, comand: x, devices: [a], x-own: 1}")
    assert found.listed["a.comand"] == "is nothing that Compose knows"
    assert found.listed["a.devices"] == "a setting of containers; the app is a process of this machine"
    assert "a.x-own" not in found.listed
