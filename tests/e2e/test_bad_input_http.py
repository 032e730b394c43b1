"""HTTP that is malformed or smuggles a second request, to every listener: refused once, closed, and no app saw it.

| bad input | test |
|---|---|
| outbound service address, generic outbound | test_both_outbound_listeners_refuse_it |
| inbound plaintext | test_the_inbound_listener_refuses_it |
| admin | test_the_admin_listener_refuses_it |
| between proxies (`weft/1`) | crates/proxy/src/engine/tests/hostile.rs |
| controller REST | test_rest_refuses_it |
| controller gRPC, join port, unix socket | test_grpc_closes_it |
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import World, get
from tests.e2e.support import MALFORMED, RAW, job, noting, raw, refused, running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("h")) as made:
        made.controller()
        made.apply(made.service("b"))
        noting(made, "b")
        yield made


@pytest.fixture(autouse=True)
def app_saw_nothing(world: World) -> Iterator[None]:
    seen: Path = world.folder / "b.seen"
    seen.write_bytes(b"")
    yield
    lines = seen.read_bytes().splitlines()
    assert set(lines) <= {b"GET /good HTTP/1.1"}, lines


def workload(world: World) -> tuple[str, str]:
    """Its inbound and admin addresses."""
    with world.mesh() as mesh:
        (found,) = (w for w in mesh.workloads() if w.name == "default/b-0")
    return f"{found.ports[0].address}:{found.ports[0].listen_port}", found.admin


# All at once, as a connection that an implementation keeps open is waited for.
EVERY = (
    RAW
    + """
import base64, json, os
from concurrent.futures import ThreadPoolExecutor
cases = {name: base64.b64decode(data) for name, data in json.loads('CASES').items()}
places = {"service": os.environ["B_URL"], "generic": os.environ["HTTP_PROXY"]}
with ThreadPoolExecutor(len(cases)) as pool:
    found = {
        place: dict(zip(cases, pool.map(
            lambda data: raw(url.removeprefix("http://").rstrip("/"), data), cases.values())))
        for place, url in places.items()
    }
print(json.dumps({p: {n: [a.decode("latin-1"), c] for n, (a, c) in f.items()} for p, f in found.items()}))
"""
)


def test_both_outbound_listeners_refuse_it(world: World) -> None:
    # The name that the generic listener goes by is a good one: only the rest is wrong.
    cases = {name: data.replace(b"host: b\r\n", b"host: b.default.mesh\r\n") for name, data in MALFORMED.items()}
    text = json.dumps({name: base64.b64encode(data).decode() for name, data in cases.items()})
    found = job(world, "rude", EVERY.replace("CASES", text))
    for place in ("service", "generic"):
        for name, (answer, closed) in found[place].items():
            refused(answer.encode("latin-1"), closed, f"{place}: {name}")


@pytest.mark.parametrize("name", MALFORMED)
def test_the_inbound_listener_refuses_it(world: World, name: str) -> None:
    inbound, _ = workload(world)
    answer, closed = raw(inbound, MALFORMED[name])
    refused(answer, closed, name)
    assert get(inbound, "/good").status == 200


@pytest.mark.parametrize("name", MALFORMED)
def test_the_admin_listener_refuses_it(world: World, name: str) -> None:
    _, admin = workload(world)
    answer, closed = raw(admin, MALFORMED[name])
    refused(answer, closed, name)
    assert get(admin, "/metrics").status == 200


# A server may also read a folded header as one line (RFC 9112, 5.2), and REST's does: there is nobody behind it.
@pytest.mark.parametrize("name", sorted(MALFORMED.keys() - {"folded header"}))
def test_rest_refuses_it(world: World, name: str) -> None:
    rest = f"127.0.0.1:{world.rest}"
    data = MALFORMED[name].replace(b"host: b\r\n", b"host: localhost\r\n")
    answer, closed = raw(rest, data)
    refused(answer, closed, name)
    assert get(rest, "/v1/health").status == 200


def test_grpc_closes_it(world: World) -> None:
    """It is no TLS, and on the unix socket no HTTP/2."""
    for port in (world.grpc, world.grpc + 1):
        for name, data in MALFORMED.items():
            answer, closed = raw(f"127.0.0.1:{port}", data)
            assert closed, f"{port}: {name}"
            assert b"HTTP/1" not in answer, f"{port}: {name}: {answer!r}"
    with world.mesh() as mesh:
        path = mesh.health().unix_socket
    for name, data in MALFORMED.items():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(15)
            connection.connect(path)
            connection.sendall(data)
            found = b""
            while more := connection.recv(65536):
                found += more
        assert b"HTTP/1" not in found, f"{name}: {found!r}"
    # A new job joins by the socket and calls the app: identity, registration and delivery work as before.
    assert job(world, "polite", CALL) == 200


CALL = """
import os, urllib.request
with urllib.request.urlopen(os.environ["B_URL"] + "/good", timeout=15) as answer:
    print(answer.status)
"""
