"""`weft controller` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.controller.conftest import ROOT

RUN = """
import sys
from pathlib import Path
from weft.controller.main import run
from weft.controller.options import Options
state, ready = Path(sys.argv[1]), Path(sys.argv[2])
rest = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:0"
sys.exit(run(Options(state, grpc_address="127.0.0.1:0", rest_address=rest, ready_file=ready)))
"""


def start(tmp_path: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(tmp_path / "state"), str(tmp_path / "ready"), *more]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def until_ready(process: subprocess.Popen[str]) -> list[str]:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "REST:" in line:
            return lines
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_when_told(tmp_path: Path, number: int) -> None:
    process = start(tmp_path)
    lines = until_ready(process)
    assert any("trust domain" in line for line in lines)
    # The ready file follows the last line at once.
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
    ready = json.loads((tmp_path / "ready").read_text())
    assert httpx.get(ready["rest"] + "/v1/resources", trust_env=False).status_code == 200
    assert ready["pid"] == process.pid and os.path.exists(ready["unix_socket"])
    process.send_signal(number)
    assert process.wait(20) == 0
    assert process.stderr is not None and "stopping" in process.stderr.read()
    assert not os.path.exists(ready["unix_socket"])


def test_a_start_that_fails_says_why_and_what_next(tmp_path: Path) -> None:
    process = start(tmp_path, "192.0.2.1:1")
    _, text = process.communicate(timeout=30)
    assert process.returncode == 1 and text.startswith("error: --rest-address 192.0.2.1:1 can be reached")
    assert "\n\nhint: " in text


def test_a_second_one_in_the_same_directory_says_so_and_the_first_goes_on(tmp_path: Path) -> None:
    first = start(tmp_path)
    until_ready(first)
    second = start(tmp_path)
    _, text = second.communicate(timeout=30)
    assert second.returncode == 1 and "another controller runs" in text
    assert first.poll() is None
    first.terminate()
    assert first.wait(20) == 0
