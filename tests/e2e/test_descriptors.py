"""More connections than the proxy may have descriptors, and what is left of it afterwards."""

import resource
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.alone import answers, program, serving
from tests.e2e.conftest import free_port, get, until
from weft.run.binary import proxy_path

DESCRIPTORS, CALLERS = 64, 150


@pytest.fixture
def app() -> Iterator[int]:
    with serving() as port:
        yield port


def test_who_waits_to_be_accepted_is_accepted_when_there_is_room(tmp_path: Path, app: int) -> None:
    port = free_port()
    file = tmp_path / "program.json"
    file.write_text(program(port, app, ownAppOnly=False))
    limits = (DESCRIPTORS, DESCRIPTORS)
    with (tmp_path / "log").open("wb") as log:
        proxy = subprocess.Popen(
            [str(proxy_path()), "run", "--program", str(file)],
            stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
        )
    try:
        until(lambda: answers(port), "the proxy")
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(CALLERS)]
        until(lambda: "accept-failed" in (tmp_path / "log").read_text(), "the end of its descriptors")
        for caller in callers:
            caller.close()
        # It comes behind those who waited and are gone: without looking for them again it would not be reached.
        assert get(f"127.0.0.1:{port}").body == "good"
    finally:
        proxy.terminate()
        proxy.wait(60)
    assert "panicked" not in (tmp_path / "log").read_text()
