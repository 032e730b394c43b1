"""The access log under logrotate: renamed and told, again and again, while requests come; no line is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.alone import answers, program, serving
from tests.e2e.conftest import free_port, get, until
from weft.run.binary import proxy_path

ROTATIONS, BETWEEN = 8, 60


@pytest.fixture
def app() -> Iterator[int]:
    with serving() as port:
        yield port


def test_no_line_is_lost(tmp_path: Path, app: int) -> None:
    port, log, file = free_port(), tmp_path / "access.log", tmp_path / "program.json"
    file.write_text(program(port, app, accessLog="ACCESS_LOG_ALL", accessLogFile=str(log)))
    proxy = subprocess.Popen([str(proxy_path()), "run", "--program", str(file)], stderr=subprocess.DEVNULL)
    sent: list[str] = []
    over = threading.Event()

    def users() -> None:
        while not over.is_set():
            path = f"/{len(sent)}"
            assert get(f"127.0.0.1:{port}", path).status == 200
            sent.append(path)

    try:
        until(lambda: answers(port), "the proxy")
        traffic = threading.Thread(target=users)
        traffic.start()
        for number in range(ROTATIONS):
            want = len(sent) + BETWEEN
            until(lambda want=want: len(sent) >= want or not traffic.is_alive(), "requests")  # type: ignore[misc]
            log.rename(tmp_path / f"access.log.{number}")
            proxy.send_signal(signal.SIGHUP)
            until(log.exists, "the new file")
        over.set()
        traffic.join()
    finally:
        over.set()
        proxy.terminate()
        assert proxy.wait(60) == 0
    files = [tmp_path / f"access.log.{number}" for number in range(ROTATIONS)]
    lines = [json.loads(line) for path in (*files, log) for line in path.read_text().splitlines()]
    paths = [line["path"] for line in lines if line["path"] != "/first"]
    assert paths == sent, f"{len(sent)} requests, {len(paths)} lines"
    assert len(sent) >= ROTATIONS * BETWEEN and all(os.path.getsize(path) for path in files)
