"""Who may ask REST at all."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.controller.conftest import World
from weft.controller import rest_guard
from weft.controller.rest_guard import host_of


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("[::1]evil", "[::1]evil"),
        ("LOCALHOST", "localhost"),
        ("", ""),
    ],
)
def test_the_host_header_without_its_port(header: str, host: str) -> None:
    assert host_of(header) == host


async def test_a_page_under_a_name_of_its_own_gets_nothing(world: World) -> None:
    answer = await world.fails(403, "GET", "/v1/resources", headers={"host": "evil.example:15080"})
    assert "not called 'evil.example'" in answer["error"]
    for host in ("[::1].evil.example", "[::1]:80.evil.example", "127.0.0.1.evil.example"):
        await world.fails(403, "GET", "/v1/resources", headers={"host": host})
    for host in ("localhost:1", "127.0.0.1", "[::1]:15080", "192.0.2.1:80"):
        await world.ok("GET", "/v1/resources", headers={"host": host})


async def test_a_page_of_another_origin_gets_nothing(world: World) -> None:
    for origin in ("https://evil.example", "null", f"http://{world.controller.rest.address}.evil.example"):
        await world.fails(403, "GET", "/v1/resources", headers={"origin": origin})
    await world.ok("GET", "/v1/resources", headers={"origin": f"http://{world.controller.rest.address}"})


async def test_a_form_of_a_page_is_not_json(world: World) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"content-type": content_type}
        await world.fails(415, "POST", "/v1/apply", content=b'{"documents": []}', headers=headers)


async def test_a_body_that_does_not_come_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_guard, "BODY_S", 0.05)
    address = world.controller.rest.address
    reader, writer = await asyncio.open_connection(address.host, address.port)
    head = b"POST /v1/apply HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
    writer.write(head + b"{")
    assert b"413" in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


async def test_no_answer_invites_other_origins(world: World) -> None:
    response = await world.rest.get("/v1/resources")
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_large_body_is_refused_before_and_while_it_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest_guard, "MAX_BODY_BYTES", 1000)
    body = b'{"documents": [' + b" " * 2000 + b"]}"
    headers = {"content-type": "application/json"}
    await world.fails(413, "POST", "/v1/apply", content=body, headers=headers)

    async def parts() -> AsyncIterator[bytes]:
        yield body

    await world.fails(413, "POST", "/v1/apply", content=parts(), headers=headers)


async def test_a_token_is_checked_even_from_our_own_user(world: World) -> None:
    await world.fails(401, "GET", "/v1/resources", headers={"authorization": "Bearer wrong"})
    token = (world.state_dir / "rest.token").read_text().strip()
    await world.ok("GET", "/v1/resources", headers={"authorization": f"Bearer {token}"})


STRANGER = """
import os, socket, sys
os.setuid(12345)
client = socket.socket()
client.connect((sys.argv[1], int(sys.argv[2])))
client.sendall(f"GET /v1/tokens HTTP/1.1\\r\\nhost: localhost\\r\\n{sys.argv[3]}connection: close\\r\\n\\r\\n".encode())
print(client.recv(65536).decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run a process as another user")
@pytest.mark.parametrize(("with_token", "status"), [(False, "401"), (True, "200")])
async def test_another_user_of_this_machine_needs_the_token(world: World, with_token: bool, status: str) -> None:
    address = world.controller.rest.address
    token = (world.state_dir / "rest.token").read_text().strip()
    header = f"authorization: Bearer {token}\r\n" if with_token else ""
    command = [sys.executable, "-c", STRANGER, address.host, str(address.port), header]
    run = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    answer = (await run.communicate())[0].decode()
    assert answer.startswith(f"HTTP/1.1 {status}")


async def test_the_socket_of_proxies_is_not_for_http(world: World) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(world.controller.state.socket))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.HTTPError):
            await client.get("http://localhost/v1/resources")
