"""One logged request, looked for at every proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from weft.compiler.model import WorkloadInfo
from weft.controller import lookup as module
from weft.controller.leases import Attached, Lease
from weft.controller.lookup import look_up, may_ask
from weft.controller.rest_json import ApiError


def lease(name: str, admin: str, peer: str = "", lost: bool = False) -> Lease:
    attached = Attached(WorkloadInfo(f"default/{name}", "default"), admin=admin, peer=peer)
    return Lease(attached.info.name, attached, lost_at=1.0 if lost else None)


@pytest.fixture
async def admin() -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Admin listeners that answer with one HTTP response each."""
    servers = []

    async def listen(answer: str) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            if answer:
                body = answer.partition(" ")[2]
                head = (
                    f"HTTP/1.1 {answer.partition(' ')[0]} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
                )
                writer.write((head + body).encode())
                assert request.startswith("GET /requests/abc-1 ")
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield listen
    for server in servers:
        server.close()


async def test_everybody_is_asked_at_once_and_who_fails_is_named(
    admin: Callable[[str], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    leases = [
        lease("knows", await admin('200 [{"path": "/x", "status": 503}, {"path": "/x", "status": 200}]')),
        lease("never-heard", await admin("404 ")),
        lease("odd", await admin("200 <html>")),
        lease("broken", await admin("500 ")),
        lease("silent", await admin("")),
        lease("alone", await admin('200 {"path": "/x"}')),
        lease("numbers", await admin("200 [1]")),
        lease("gone", await admin('200 [{"path": "/x"}]'), lost=True),
        lease("none", ""),
    ]
    answer = await look_up("abc-1", leases)
    assert answer["asked"] == 7
    # A caller's proxy has a record for each try.
    assert [(one["workload"], one["record"].get("status")) for one in answer["found"]] == [
        ("default/knows", 503),
        ("default/knows", 200),
        ("default/alone", None),
    ]
    failed = {one["workload"]: one["error"] for one in answer["failed"]}
    assert failed["default/odd"] == "its answer is not JSON" and failed["default/broken"] == "it answered 500"
    assert failed["default/numbers"] == "its answer is no record"
    assert "Timeout" in failed["default/silent"] and len(failed) == 4


@pytest.mark.parametrize(
    ("admin_address", "peer", "allowed"),
    [
        ("127.0.0.1:1", "", True),
        ("127.0.0.1:1", "127.0.0.1", True),
        ("[::1]:1", "127.0.0.1", True),
        ("192.0.2.7:1", "192.0.2.7", True),
        ("127.0.0.1:1", "192.0.2.7", False),
        ("192.0.2.8:1", "192.0.2.7", False),
        ("192.0.2.8:1", "", False),
        ("localhost:1", "", False),
        ("nonsense", "", False),
    ],
)
def test_a_workload_cannot_point_the_controller_elsewhere(admin_address: str, peer: str, allowed: bool) -> None:
    assert may_ask(lease("a", admin_address, peer).latest) is allowed


async def test_who_may_not_be_asked_is_named() -> None:
    answer = await look_up("abc-1", [lease("a", "127.0.0.1:1", "192.0.2.7")])
    assert "not reachable from here" in answer["failed"][0]["error"]


@pytest.mark.parametrize("request_id", ["", "a/b", "../x", "a b", "x" * 200])
async def test_what_is_no_request_id_is_refused(request_id: str) -> None:
    with pytest.raises(ApiError):
        await look_up(request_id, [])
