import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Weft
from weft.resources.schema import schema
from weft.run import sys_ports
from weft.run.sys_ports import Listener

COMPOSE = "services: {web: {build: ., command: python3 web.py, ports: ['8080:80'], privileged: true}}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_compose_file_of_this_folder_is_taken_and_what_is_lost_is_listed(weft: Weft, here: Path) -> None:
    (here / "docker-compose.yml").write_text(COMPOSE)
    (here / "Procfile").write_text("web: x\n")
    done = weft("init")
    assert (done.status, done.out) == (0, "")
    assert "Procfile is here, too: `weft init --from Procfile` takes that one" in done.err
    assert "docker-compose.yml:1:73: web.privileged: it runs with the rights of whoever runs weft up" in done.err
    assert "wrote weft.yaml: 1 service from docker-compose.yml" in done.err
    assert weft("validate", "-f", "weft.yaml").status == 0


def test_else_the_procfile(weft: Weft, here: Path) -> None:
    (here / "Procfile").write_text("web: python3 web.py\n")
    assert weft("init").status == 0
    assert "run: python3 web.py" in (here / "weft.yaml").read_text()


def test_with_neither_it_says_what_it_can_do(weft: Weft) -> None:
    done = weft("init")
    assert (done.status, done.lines) == (2, [])
    assert "there is no Compose file and no Procfile here" in done.err
    assert "--from FILE" in done.err and "--listening" in done.err


def test_it_overwrites_nothing_unless_it_is_told_to(weft: Weft, here: Path) -> None:
    (here / "compose.yaml").write_text(COMPOSE)
    (here / "weft.yaml").write_text("mine")
    done = weft("init")
    assert (done.status, (here / "weft.yaml").read_text()) == (2, "mine")
    assert "weft.yaml is there already" in done.err and "--force" in done.err
    assert weft("init", "--force").status == 0
    assert (here / "weft.yaml").read_text() != "mine"


def test_to_stdout_it_writes_no_file(weft: Weft, here: Path) -> None:
    (here / "other.yaml").write_text(COMPOSE)
    done = weft("init", "--from", "other.yaml", "-o", "-")
    assert done.status == 0
    assert done.out.startswith("# Written by `weft init` from other.yaml.")
    assert [path.name for path in here.iterdir()] == ["other.yaml"]


def test_the_line_for_editors_leads_to_a_file(weft: Weft, here: Path) -> None:
    (here / "compose.yaml").write_text(COMPOSE)
    assert weft("init", "--schema").status == 0
    assert (here / "weft.yaml").read_text().startswith("# yaml-language-server: $schema=weft.schema.json\n")
    assert json.loads((here / "weft.schema.json").read_text()) == schema()
    assert "yaml-language-server" not in weft("init", "-o", "-").out


def test_a_broken_file_writes_nothing(weft: Weft, here: Path) -> None:
    (here / "compose.yaml").write_text("services:\n  web: {build: ., ports: [x]}\n")
    done = weft("init")
    assert done.status == 1
    assert "error: compose.yaml:2:27: web.ports.0: 'x' is no port" in done.err
    assert "hint: 'x' is not a number" in done.err
    assert not (here / "weft.yaml").exists()


def test_where_nothing_becomes_a_service_it_has_failed(weft: Weft, here: Path) -> None:
    (here / "compose.yaml").write_text("services: {web: {build: .}}\n")
    done = weft("init")
    assert done.status == 1
    assert "nothing says how it runs (write its run: into the weft.yaml)" in done.err
    assert "error: nothing in compose.yaml could become a service" in done.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--from", "gone.yaml"], "there is no file gone.yaml"),
        (["--from", "a", "--listening"], "two sources"),
        (["--schema", "-o", "-"], "--schema needs a file"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(weft: Weft, options: list[str], says: str) -> None:
    done = weft("init", *options)
    assert done.status == 2 and says in done.err


def test_command_lines_of_this_machine_are_for_nobody_else(
    weft: Weft, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Listener("127.0.0.1", 8080, "1", 4711, ("python3", "shop.py", "--password", "x"), "/srv/shop")]
    monkeypatch.setattr(sys_ports, "listeners", lambda: iter(found))
    done = weft("init", "--listening")
    assert done.status == 0, done.err
    assert "--password" in (here / "weft.yaml").read_text()
    assert stat.S_IMODE((here / "weft.yaml").stat().st_mode) == 0o600


def test_a_folder_is_looked_into(weft: Weft, here: Path) -> None:
    (here / "shop").mkdir()
    (here / "shop" / "compose.yaml").write_text(COMPOSE)
    assert weft("init", "--from", "shop").status == 0
    assert "directory: shop" in (here / "weft.yaml").read_text()
    (here / "empty").mkdir()
    assert "no Procfile in empty" in weft("init", "--from", "empty", "--force").err


def test_what_is_missing_yet_is_said_of_what_was_written(weft: Weft, here: Path) -> None:
    (here / "shop").mkdir()
    (here / "shop" / "Procfile").write_text("web: x\n")
    (here / "shop" / ".env").write_text("TOKEN=x\n")
    done = weft("init", "--from", "shop")
    assert done.status == 1 and (here / "weft.yaml").exists()
    assert "the variable TOKEN is not set" in done.err
    assert "error: weft.yaml was written, and is not complete yet" in done.err
