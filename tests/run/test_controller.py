import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from weft.client.errors import MeshError
from weft.mesh import Mesh
from weft.run import controller as own
from weft.run.children import start
from weft.run.controller import Failed


def answering(status: int, body: dict[str, Any]) -> Mesh:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=body))
    return Mesh.connect("http://127.0.0.1:15080", transport=transport)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "LOOK_EVERY_S", 0.0)


def quiet(name: str, line: str) -> None:
    pass


async def test_its_place_is_its_socket(tmp_path: Path) -> None:
    mesh = answering(200, {"status": "ok", "unix_socket": str(tmp_path)})
    assert (await own.place(mesh)).address == f"unix:{tmp_path}"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"status": "ok", "unix_socket": "/nonexistent"}, Failed),
        (500, {"error": "broken"}, MeshError),
    ],
)
async def test_a_controller_that_cannot_be_used(status: int, body: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await own.place(answering(status, body))


async def test_one_that_ends_at_once_shows_its_last_lines(tmp_path: Path) -> None:
    child = await start(own.NAME, ["sh", "-c", "echo no; exit 3"], quiet)
    with pytest.raises(Failed, match="controller ended with exit status 3") as caught:
        await own.listening(child, tmp_path)
    assert caught.value.tail == ("no",)


async def test_one_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.setattr(own, "START_S", 0.0)
    child = await start(own.NAME, ["sleep", "600"], quiet)
    with pytest.raises(Failed, match="not ready after 0 s"):
        await own.listening(child, tmp_path)
    await child.stop(10)


async def test_a_taken_address_is_said_before_anything_starts(tmp_path: Path) -> None:
    async def not_weft(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n<html>")
        writer.close()

    server = await asyncio.start_server(not_weft, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        with pytest.raises(Failed, match=rf"\(pid {os.getpid()}\) listens on http://{address} already") as caught:
            await own.launch(tmp_path / "state", address, "127.0.0.1:0", quiet)
    assert f"--controller http://{address}" in str(caught.value.hint)
    assert not (tmp_path / "state").exists()


async def test_a_real_one_starts_listens_and_stops(tmp_path: Path, free_address: Callable[[], str]) -> None:
    rest = free_address()
    child = await own.launch(tmp_path / "state", rest, "127.0.0.1:0", quiet)
    try:
        await own.listening(child, tmp_path / "state")
        with Mesh.connect(rest) as mesh:
            assert (await own.place(mesh)).address == f"unix:{tmp_path}/state/controller.sock"
    finally:
        await child.stop(20)
    assert child.process.returncode == 0


@pytest.fixture
def free_address() -> Callable[[], str]:
    def find() -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{probe.getsockname()[1]}"

    return find
