import subprocess
import sys

import pytest

from weft.run.detach import READY, started


def python(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys\nsay = lambda text: print(text, file=sys.stderr, flush=True)\n{code}"]


def test_what_could_not_start_has_its_status_and_its_words() -> None:
    said: list[str] = []
    assert started(python("say('error: no'); sys.exit(3)"), said.append) == 3
    assert said == ["error: no"]


def test_after_the_last_word_nobody_waits() -> None:
    said: list[str] = []
    code = f"say('weft | {READY}')\nfrom weft.run.detach import let_go\nlet_go()\nsay('x' * 1_000_000)"
    assert started(python(code), said.append) == 0
    assert said == [f"weft | {READY}"]


def test_ctrl_c_ends_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    children: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def noted(*arguments: object, **more: object) -> subprocess.Popen[str]:
        children.append(real(*arguments, **more))  # type: ignore[call-overload]
        return children[0]

    monkeypatch.setattr(subprocess, "Popen", noted)
    assert started(python("import signal; say('a'); signal.pause()"), interrupt) == 130
    assert children[0].returncode == -15
