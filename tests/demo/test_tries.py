import shlex
from pathlib import Path

import pytest

from weft.cli.app import run_app
from weft.demo import tries
from weft.demo.place import CHECKOUT

SHOP, CONTROLLER = "http://127.0.0.1:18080", "http://127.0.0.1:25080"
FOLDER = Path("/tmp/weft-shop-abcdefgh")


def test_a_terminal_of_80_columns_shows_all_of_it():
    shown = tries.text(SHOP, FOLDER, CONTROLLER)
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.endswith(f"The shop:       {SHOP}\nThe dashboard:  {CONTROLLER}")


def test_another_terminal_is_told_only_what_it_does_not_know(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setenv("WEFT_CONTROLLER", CONTROLLER)
    assert list(tries.setup(FOLDER, CONTROLLER)) == [f"cd {FOLDER}"]
    monkeypatch.delenv("WEFT_CONTROLLER")
    assert list(tries.setup(FOLDER, "http://127.0.0.1:15080")) == [f"cd {FOLDER}"]
    monkeypatch.setattr("shutil.which", lambda name: None)
    (_, path, address) = tries.setup(FOLDER, CONTROLLER)
    assert path.startswith("export PATH=/") and path.endswith(":$PATH")
    assert address == f"export WEFT_CONTROLLER={CONTROLLER}"


def test_files_that_are_named_are_there():
    words = [word for each in tries.tries(SHOP) for command in each.commands for word in command.split()]
    named = [word for word in words if word.endswith(".yaml")]
    assert named == ["tries/canary.yaml", "tries/forbid.yaml"]
    assert [name for name in named if not (CHECKOUT / name).is_file()] == []


@pytest.mark.parametrize("file", ["tries/canary.yaml", "tries/forbid.yaml", "weft.yaml"])
def test_they_are_right(file, monkeypatch, capsys):
    monkeypatch.chdir(CHECKOUT)
    assert run_app(shlex.split(f"validate -f {file}")) == 0
    said = capsys.readouterr().out
    # Alone the first two speak of services that stand elsewhere.
    assert said.endswith("no errors\n") and (file != "weft.yaml" or said == "no errors\n")
