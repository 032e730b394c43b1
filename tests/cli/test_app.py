import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import weft as package
from tests.cli.conftest import Fake, Weft

COMMANDS = [
    *([name] for name in "up ps logs restart down run controller apply diff validate delete get status demo".split()),
    *([name] for name in "workloads edges explain check completion stat top graph tap events history".split()),
    *([name] for name in "rollback compile certs version token schema backup restore unit init uninstall".split()),
    ["token", "create"],
    ["token", "list"],
    ["token", "revoke"],
]
HEAVY = ("grpc", "pydantic", "cryptography", "google.protobuf", "httpx", "yaml", "uvicorn", "starlette", "rich")


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_fits_80_columns_and_says_what_it_is(weft: Weft, command: list[str]) -> None:
    done = weft(*command, "--help")
    assert done.status == 0
    assert done.out.startswith(f"Usage: {' '.join(['weft', *command])}")
    assert [line for line in done.lines if len(line) > 80] == []
    assert done.err == ""


def test_every_command_has_a_whole_sentence_in_the_list(weft: Weft) -> None:
    listed = weft("--help").out.partition("Commands:")[2].strip().splitlines()
    assert {line.split()[0] for line in listed} == {command[0] for command in COMMANDS}
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_help_imports_nothing_heavy() -> None:
    """Whoever types --help waits for nothing."""
    code = (
        "import sys; from weft.cli.app import run_app\n"
        f"for command in {[[], *COMMANDS]!r}:\n"
        "    run_app([*command, '--help'])\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_without_a_command_there_is_help(weft: Weft) -> None:
    assert weft().out == weft("--help").out


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["fly"], "no such command 'fly'", "see `weft --help`"),
        (["get", "--fast"], "no such option: --fast", "see `weft get --help`"),
        (["token", "create"], "missing argument 'SERVICE'", "see `weft token create --help`"),
        (["get", "-o", "xml"], "invalid value for '--output' / '-o': 'xml' is not one of", "see `weft get --help`"),
        (["get", "-o"], "option '-o' requires an argument", "see `weft get --help`"),
        (["token", "create", "a", "--uses"], "option '--uses' requires", "see `weft token create --help`"),
        (["edges", "--seconds", "0"], "invalid value for '--seconds': should be", "see `weft edges --help`"),
        (["unit"], "missing argument 'controller|run'. Choose from: controller, run", "see `weft unit --help`"),
        (["staus"], "no such command 'staus'", "did you mean 'status' or 'stat'?"),
        (["get", "--ouput", "json"], "no such option: --ouput", "did you mean --output?"),
    ],
)
def test_wrong_usage_is_status_2_in_one_form(weft: Weft, arguments: list[str], error: str, hint: str) -> None:
    done = weft(*arguments)
    first, blank, last = done.err.splitlines()
    assert done.status == 2
    assert first.startswith(f"error: {error}")
    assert (blank, last) == ("", f"hint: {hint}")
    assert done.out == ""


def test_an_absent_controller_is_status_1_and_says_what_to_do(weft: Weft) -> None:
    done = weft("get", "--controller", "http://127.0.0.1:9")
    assert done.status == 1
    assert done.err.startswith("error: no controller answers at http://127.0.0.1:9")
    assert "\n\nhint: start one with `weft controller` or `weft up`" in done.err


def test_what_the_controller_refuses_is_shown_problem_by_problem(weft: Weft, controller: Fake) -> None:
    origin = {"file": "a.yaml", "line": 3, "column": 5}
    problem = {"message": "no such backend.", "hint": "create it.", "origin": origin}
    controller.answers["/v1/certs"] = (422, {"error": "1 resource is wrong.", "hint": None, "problems": [problem]})
    done = weft("certs")
    assert done.status == 1
    assert done.err == (
        "error: a.yaml:3:5: no such backend\n\nhint: create it\n\nerror: 1 resource is wrong\n"
    )


@pytest.mark.parametrize("word", ["version", "--version", "-V"])
def test_version(weft: Weft, word: str) -> None:
    assert weft(word).out == f"{package.__version__}\n"


def test_a_file_that_cannot_be_used_is_named(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {}\n")
    done = weft("compile", "-f", str(tmp_path / "a.yaml"), "--out", str(tmp_path / "none/x"))
    assert (done.status, done.err) == (1, f"error: {tmp_path}/none/x: no such file or directory\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_our_letters_shows_their_numbers(encoding: str) -> None:
    """A login whose LANG names none that this machine has."""
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "weft.cli", "schema"], env=env, capture_output=True, check=True)
    assert b"\\u2026" in done.stdout and done.stderr == b""
    assert "…" in json.dumps(json.loads(done.stdout.decode(encoding)), ensure_ascii=False)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_who_has_nowhere_to_speak_does_its_work(closed: str) -> None:
    done = subprocess.run(f"{sys.executable} -m weft.cli version {closed}", shell=True, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_behind_stdout_is_said() -> None:
    command = f"{sys.executable} -m weft.cli --help >/dev/full"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True)
    said = "error: cannot write the output: no space left on device\n\nhint: make room\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_reader_that_leaves_at_once_is_no_error() -> None:
    """With more than a pipe holds."""
    command = f"set -o pipefail; {sys.executable} -m weft.cli schema | true"
    done = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m weft.cli --help | head -1", shell=True, capture_output=True, text=True, check=True
    )
    assert done.stdout == "Usage: weft [OPTIONS] COMMAND [ARGS]...\n"
    assert done.stderr == ""
