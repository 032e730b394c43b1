import os
import subprocess
import sys
from pathlib import Path

import pytest

from weft.run import binary
from weft.run.binary import ProxyMissing, proxy_path


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_named_binary_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = script(tmp_path / "proxy", "exit 0")
    monkeypatch.setenv("WEFT_PROXY", str(named))
    assert proxy_path() == named


def test_else_it_lies_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEFT_PROXY", raising=False)
    monkeypatch.setattr(binary, "PACKAGED", script(tmp_path / "packaged", "exit 0"))
    assert proxy_path() == tmp_path / "packaged"
    assert Path(binary.__file__).parent.parent.name == "weft"


@pytest.mark.parametrize("executable", [True, False])
def test_a_missing_or_unusable_binary_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executable: bool
) -> None:
    if not executable:
        (tmp_path / "proxy").write_text("")
    monkeypatch.setenv("WEFT_PROXY", str(tmp_path / "proxy"))
    with pytest.raises(ProxyMissing, match="no weft-proxy at") as caught:
        proxy_path()
    assert "make build" in str(caught.value.hint)


def test_the_command_becomes_the_binary(tmp_path: Path) -> None:
    named = script(tmp_path / "proxy", 'echo "$$ $*"; exit 7')
    code = "import os, sys; from weft.run.binary import main; print(os.getpid()); sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--program", "x"],
        env={**os.environ, "WEFT_PROXY": str(named)},
        capture_output=True,
        text=True,
        check=False,
    )
    before, after = done.stdout.splitlines()
    assert after == f"{before} run --program x"  # the same process
    assert done.returncode == 7


def test_the_command_without_a_binary_fails_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEFT_PROXY", str(tmp_path / "none"))
    assert binary.main() == 1
    assert capsys.readouterr().err.startswith("error: no weft-proxy at ")
