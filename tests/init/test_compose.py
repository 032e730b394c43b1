"""Whole files: what is written is a weft.yaml, and nothing of theirs gets lost in silence."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.init import compose_unused as unused
from weft.init.compose import draft
from weft.init.draft import text
from weft.resources.expand import expand_text
from weft.resources.gather import Around
from weft.resources.reader import read

GOOD = ["blog", "flask", "platform", "shop", "vote"]


@pytest.mark.parametrize("name", GOOD)
def test_what_is_written_is_a_weft_yaml(folder: Path, name: str) -> None:
    made = draft(folder / f"{name}.yaml", folder)
    assert made.ok, made.problems
    expanded = expand_text(text(made), str(folder / "weft.yaml"), Around(folder, {}))
    assert expanded.ok, expanded.problems


@pytest.mark.parametrize("name", GOOD)
def test_each_field_is_read_or_listed_with_its_line_and_why(folder: Path, name: str) -> None:
    file = folder / f"{name}.yaml"
    made = draft(file, folder)
    assert all(problem.line and problem.column and problem.why for problem in made.problems)
    listed = {problem.what for problem in made.problems}
    (node,), _ = read(file.read_text(), str(file), merge=True)
    for field in node.value:
        assert field in ("services", "name", "version") or field.startswith("x-") or field in listed, field
    for service, fields in node.value["services"].items():
        silent = [field for field in fields if field not in unused.READ and f"{service}.{field}" not in listed]
        assert [field for field in silent if field != "image"] == []


def written(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    return {entry.name: entry.fields for entry in draft(folder / f"{name}.yaml", folder).entries}


def test_a_shop_with_a_database_and_a_cache(folder: Path) -> None:
    assert written(folder, "shop") == {
        "web": {
            "command": ["python3", "web.py"],
            "port": 8000,
            "publish": "${WEB_PORT:-8080}",
            "env": {"API_URL": "http://$(API_HOST):5000/v1", "LOG_LEVEL": "${LOG_LEVEL:-info}"},
            "directory": "web",
            "health": {"http": "/healthz", "interval": "15s", "timeout": "3s", "fall": 5},
            "depends_on": {"api": {"condition": "service_healthy"}},
            "calls": ["api", "cache"],
        },
        "api": {
            "run": "gunicorn --workers 2 --bind 127.0.0.1:$(PORT) api:app",
            "port": 5000,
            "replicas": 2,
            "env": {
                "SECRET": "abc",
                "WORKERS": "4",
                "DATABASE_URL": "postgres://shop:${POSTGRES_PASSWORD}@$(DB_HOST):5432/shop",
                "REDIS_HOST": "$(CACHE_HOST)",
            },
            "directory": "api",
            "calls": ["cache", "db"],
        },
        "db": {"port": 5432, "protocol": "TCP", "endpoints": [{"address": "127.0.0.1", "port": 15432}]},
        "cache": {"port": 6379, "protocol": "TCP", "endpoints": [{"address": "127.0.0.1"}]},
    }


def test_workers_jobs_and_what_is_published_twice(folder: Path) -> None:
    found = written(folder, "vote")
    assert list(found) == ["vote", "result", "worker", "migrate", "redis", "db"]
    assert found["vote"]["listen"] == 80
    assert found["result"]["publish"] == [5001, {"local": 9229, "port": 9229}]
    assert found["worker"]["command"] == ["./worker", "--often"]
    assert found["worker"]["env"] == {"QUEUE": "$(REDIS_HOST):6379", "DB": "postgres://postgres@$(DB_HOST)/votes"}
    assert found["migrate"] == {
        "command": ["python3", "migrate.py"],
        "env": {"DB_HOST": "$(DB_HOST)"},
        "directory": "tasks",
        "calls": ["db"],
    }


def test_merged_fields_and_variables_in_each_spelling(folder: Path) -> None:
    found = written(folder, "platform")
    assert found["front-end"]["command"] == ["docker-entrypoint", "bundle", "exec", "puma", "-p", "$(PORT)"]
    assert (found["front-end"]["replicas"], found["jobs"]["replicas"]) == (3, 2)
    assert found["jobs"]["env"]["FRONT"] == "http://$(FRONT_END_HOST):3000/x?y=1"
    assert found["jobs"]["env"]["HOME_OF"] == "$${HOME}"
    assert found["search"]["ports"] == [9200, 9201]
    assert found["lost"] == {}


def test_relative_to_another_folder(folder: Path) -> None:
    made = draft(folder / "shop.yaml", folder / "deploy")
    assert made.entries[0].fields["directory"] == "../web"


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("unreadable", [(3, 1, "not valid YAML", "indent with spaces, not tabs")]),
        ("no-services", [(2, 1, 'unknown field "servces"', 'did you mean "services"?')]),
        (
            "broken",
            [
                (4, 13, "web.ports.0", "'eighty' is not a number"),
                (4, 28, "web.ports.1", "80000 is no port"),
                (5, 18, "web.environment", "environment: {NAME: value}"),
                (6, 18, "web.depends_on: there is no service dta", 'did you mean "data"?'),
                (11, 24, "data.deploy.replicas", "digits only"),
                (12, 3, "text is not a mapping", "text: {build: .}"),
            ],
        ),
    ],
)
def test_what_is_broken_is_named_with_its_line_and_what_to_write(
    folder: Path, name: str, problems: list[tuple[int, int, str, str]]
) -> None:
    found = [each for each in draft(folder / f"{name}.yaml", folder).problems if each.severity == "error"]
    assert [(each.line, each.column, each.what) for each in found] == [problem[:3] for problem in problems]
    assert all(hint in each.hint for each, (*_, hint) in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "this is no Compose file"),
        ("- a\n", "this is no Compose file"),
        ("services: [a]\n", "services is not a mapping"),
        ("version: '3'\n", "services is missing"),
        ("services: {a: &a {b: *a}}\n", 'the alias "*a" contains itself'),
    ],
)
def test_what_is_no_compose_file_is_refused(folder: Path, text: str, what: str) -> None:
    (folder / "odd.yaml").write_text(text)
    (problem,) = draft(folder / "odd.yaml", folder).problems
    assert problem.what == what


def test_an_override_beside_it_is_not_read_and_that_is_said(folder: Path) -> None:
    (folder / "flask.override.yml").write_text("services: {}\n")
    said = [problem.what for problem in draft(folder / "flask.yaml", folder).problems]
    assert "flask.override.yml" in said


WORDS = st.sampled_from([*"a b 80 80:80 ${A $A ${A:-1}:80 CMD service_healthy a=b http://b:80/".split(), ""])
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70_000) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS.filter(bool), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(sorted([*unused.READ, "image", "volumes", "container_name", "networks"]))
NAMES = st.sampled_from(["a", "b", "C_d", "-"])
SERVICES = st.dictionaries(NAMES, st.dictionaries(FIELDS, ODD, max_size=6), max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(services=SERVICES)
def test_whatever_stands_there_it_is_refused_or_becomes_a_weft_yaml(folder: Path, services: dict[str, Any]) -> None:
    file = folder / "odd.yaml"
    file.write_text(yaml.safe_dump({"services": services}))
    made = draft(file, folder)
    assert all(problem.line for problem in made.problems)
    if made.ok:
        expanded = expand_text(text(made), "weft.yaml", Around(folder, {}))
        assert expanded.ok, (text(made), expanded.problems)
