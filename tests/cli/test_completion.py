import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.conftest import Fake, Weft
from weft import __version__
from weft.cli import completion
from weft.cli.app import app
from weft.cli.completion import SCRIPTS, Shell, asked, candidates
from weft.client.types import Revision, Service, StoredResource, TokenInfo, Workload


class Mesh:
    """What names are asked from."""

    def services(self) -> list[Service]:
        return [Service("default/web", "default"), Service("default/reviews", "default"), Service("shop/cart", "shop")]

    def workloads(self) -> list[Workload]:
        return [Workload("default/batch-0")]

    def list(self, kind: str) -> list[StoredResource]:
        return [StoredResource(f"{kind}/default/canary", {})]

    def revisions(self, limit: int) -> Sequence[Revision]:
        return [Revision(12), Revision(3)]

    def tokens(self) -> Sequence[TokenInfo]:
        return [TokenInfo("t1")]


def names(question: Callable[[Any], Iterable[str]]) -> Sequence[str]:
    return list(question(Mesh()))


def completed(*words: str) -> list[str]:
    return candidates(typer.main.get_command(app), words, names)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("sta",), ["stat", "status"]),
        (("--ver",), ["--version"]),
        (("token", ""), ["create", "list", "machine", "revoke"]),
        (("token", "c"), ["create"]),
        (("nothing", ""), []),
        (("get", "http"), ["httproute"]),
        (("get", "httproute", "c"), ["canary"]),
        (("get", "-o", "json", "httproute", ""), ["canary"]),
        (("get", "nonsense", ""), []),
        (("get", "httproute", "canary", ""), []),
        (("get", "-o", ""), ["json", "table", "yaml"]),
        (("get", "--out"), ["--output"]),
        (("graph", "-o", "d"), ["dot"]),
        (("edges", "--by", "v"), ["version"]),
        (("stat", "w"), ["web"]),
        (("stat", "--edges", "r"), ["reviews"]),
        (("stat", "--edges", "web", ""), []),
        (("workloads", "-n", ""), ["default", "shop"]),
        (("explain", "--from", "b"), ["batch-0"]),
        (("explain", "--from", "web", "--to", ""), ["reviews", "shop/cart", "web"]),
        (("tap", "--from", "b"), ["batch-0"]),
        (("tap", "b"), ["batch-0"]),
        (("run", "--service", "re"), ["reviews"]),
        (("run", "--call", "re"), ["reviews"]),
        (("rollback", "1"), ["12"]),
        (("token", "revoke", ""), ["t1"]),
        (("apply", "-f", ""), []),
        (("completion", ""), ["bash", "fish", "zsh"]),
    ],
)
def test_what_can_follow(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_names_come_from_the_controller(weft: Weft, controller: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine may take longer than a person would wait.
    monkeypatch.setattr(completion, "PATIENCE_S", 30.0)
    controller.answers["/v1/services"] = {"services": [{"name": "default/web"}, {"name": "shop/web"}]}
    assert weft("completion", "bash", "--", "stat", "").lines == ["shop/web", "web"]


def test_an_absent_controller_is_no_error(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_CONTROLLER", "http://127.0.0.1:9")
    done = weft("completion", "bash", "--", "stat", "")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_a_slow_controller_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "PATIENCE_S", 0.01)
    answering = threading.Event()

    def slow(mesh: Any) -> Iterable[str]:
        answering.wait()
        return ["late"]

    assert asked(slow) == []
    answering.set()


@pytest.mark.parametrize("shell", list(Shell))
def test_each_shell_has_a_script_that_asks_us(weft: Weft, shell: Shell) -> None:
    assert weft("completion", shell.value).out == SCRIPTS[shell]
    assert f"completion {shell.value} -- " in SCRIPTS[shell]


@pytest.mark.parametrize("shell", list(Shell))
def test_each_script_is_one_that_its_shell_can_read(shell: Shell, tmp_path: Path) -> None:
    """bash is everywhere where tests run; of the others the syntax is tried where they are."""
    if found := shutil.which(shell.value):
        (tmp_path / "script").write_text(SCRIPTS[shell])
        subprocess.run([found, "-n", str(tmp_path / "script")], check=True)
    else:
        assert shell is not Shell.BASH


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`weft` on the PATH."""
    script = tmp_path / "bin" / "weft"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m weft.cli "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")


def test_bash_offers_names_of_the_controller(command: None, controller: Fake, tmp_path: Path) -> None:
    controller.answers["/v1/services"] = {"services": [{"name": "default/reviews"}, {"name": "default/ratings"}]}
    asking = """
        eval "$(weft completion bash)"
        complete -p weft
        COMP_WORDS=(weft stat --edges r) COMP_CWORD=3
        # On a busy machine nothing is offered in time: whoever types presses Tab again.
        until [ ${#COMPREPLY[@]} -gt 0 ]; do _weft weft r --edges; done
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "--norc", "-c", asking], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["complete -o default -F _weft weft", "ratings", "reviews"]


# What a line editor writes between letters.
STEERING = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)")
# How each is started so that it reads nobody's own settings, and how it takes what we print.
REAL = {
    Shell.BASH: (["--norc", "--noprofile", "-i"], 'eval "$(weft completion bash)"'),
    Shell.ZSH: (["-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(weft completion zsh)"'),
    Shell.FISH: (["--no-config", "-i"], "weft completion fish | source"),
}


@pytest.mark.parametrize("shell", list(Shell))
def test_tab_in_a_real_shell_completes(shell: Shell, command: None, tmp_path: Path) -> None:
    """What is typed is `weft vers`, Tab, Enter: it can only run once it is complete."""
    if shutil.which(shell.value) is None:
        assert shell is not Shell.BASH
        pytest.skip(f"{shell.value} is not installed here")
    options, load = REAL[shell]
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "dumb", "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        os.execvp(shell.value, [shell.value, *options])
    try:
        # In two parts, so that what is typed and shown is not what is waited for.
        os.write(terminal, b"echo rea''dy\n")
        read_until(terminal, "ready")
        os.write(terminal, f"{load}; echo load''ed\n".encode())
        read_until(terminal, "loaded")
        os.write(terminal, b"weft vers\t\n")
        assert "error" not in read_until(terminal, f"\n{__version__}")
    finally:
        os.write(terminal, b"\x03exit\n")
        os.close(terminal)
        os.waitpid(child, 0)


def read_until(terminal: int, text: str) -> str:
    seen = ""
    while text not in STEERING.sub("", seen).replace("\r", ""):
        more = os.read(terminal, 4096)
        assert more, seen
        seen += more.decode(errors="replace")
    return seen
