"""Protocols through two sidecars with mTLS between them, spoken by clients and servers that know nothing of weft."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.e2e.conftest import APP, World, free_port, until

# grpcio as a server, with bytes instead of generated messages.
GRPC_APP = """
import os, signal, sys
from concurrent import futures
import grpc

def unary(request, context):
    context.set_trailing_metadata((("principal", dict(context.invocation_metadata()).get("weft-principal", "")),))
    if request == b"fail":
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as asked")
    return request[::-1]

def many(request, context):
    return (b"%d" % i for i in range(int(request)))

def fold(requests, context):
    return b"".join(requests)

def both(requests, context):
    return (b"<" + request + b">" for request in requests)

handlers = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Many": grpc.unary_stream_rpc_method_handler(many),
    "Fold": grpc.stream_unary_rpc_method_handler(fold),
    "Both": grpc.stream_stream_rpc_method_handler(both),
}
server = grpc.server(futures.ThreadPoolExecutor(8))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
server.add_insecure_port("127.0.0.1:" + os.environ["PORT"])
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
server.wait_for_termination()
"""


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Ports of the edge: a gRPC service, and an HTTP/1 app that echoes what it saw."""
    folder = tmp_path_factory.mktemp("p")
    world = World(folder, free_port(), free_port(2))
    ports = {"grpc": free_port(), "http": free_port()}
    (folder / "grpc_app.py").write_text(GRPC_APP)
    (folder / "http_app.py").write_text(APP)
    (folder / "weft.yaml").write_text(_weftfile())
    addresses = ["--rest-address", f"127.0.0.1:{world.rest}", "--grpc-address", f"127.0.0.1:{world.grpc}"]
    try:
        publish = ["-p", f"echo={ports['grpc']}", "-p", f"plain={ports['http']}"]
        world.start("up", "-f", str(folder / "weft.yaml"), *publish, *addresses)
        until(lambda: _answers(ports["http"]), f"the mesh of {folder}")
        until(lambda: _echoes(ports["grpc"]), "the gRPC service")
        yield ports
    finally:
        world.close()


def _weftfile() -> str:
    return textwrap.dedent(f"""
        mtls: strict
        services:
          echo:
            run: {sys.executable} grpc_app.py
            port: 9000
            protocol: GRPC
          plain:
            run: {sys.executable} http_app.py
            port: 8000
            protocol: HTTP
    """)


def _answers(port: int) -> bool:
    found = _curl(port, "/", "-o", "/dev/null", "-w", "%{http_code}", check=False)
    return found == "200"


def _echoes(port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            return bool(channel.unary_unary("/test.Echo/Unary", bytes, bytes)(b"ab", timeout=20) == b"ba")
        except grpc.RpcError:
            return False


def _curl(port: int, path: str, *options: str, check: bool = True) -> str:
    curl = shutil.which("curl")
    assert curl, "curl is needed: apt-get install curl"
    command = [curl, "-sS", "--max-time", "20", *options, f"http://127.0.0.1:{port}{path}"]
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout


@pytest.fixture
def channel(addresses: dict[str, int]) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{addresses['grpc']}") as channel:
        yield channel


def test_grpc_unary_has_its_trailers(channel: grpc.Channel) -> None:
    answer, call = channel.unary_unary("/test.Echo/Unary", bytes, bytes).with_call(b"abc", timeout=20)
    assert answer == b"cba"
    assert str(dict(call.trailing_metadata())["principal"]).endswith("/ns/default/sa/edge")


def test_grpc_statuses_arrive_as_they_were_meant(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/test.Echo/Unary", bytes, bytes)(b"fail", timeout=20)
    assert failure.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert failure.value.details() == "as asked"
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/test.Echo/Nothing", bytes, bytes)(b"", timeout=20)
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_grpc_streams_run_in_each_direction(channel: grpc.Channel) -> None:
    many = list(channel.unary_stream("/test.Echo/Many", bytes, bytes)(b"500", timeout=20))
    assert many == [b"%d" % i for i in range(500)]
    parts = [bytes([i]) * 20_000 for i in range(50)]
    assert channel.stream_unary("/test.Echo/Fold", bytes, bytes)(iter(parts), timeout=20) == b"".join(parts)
    both = list(channel.stream_stream("/test.Echo/Both", bytes, bytes)(iter(parts), timeout=20))
    assert both == [b"<" + part + b">" for part in parts]


def test_grpc_from_many_callers_at_once_loses_nothing(channel: grpc.Channel) -> None:
    echo = channel.unary_unary("/test.Echo/Unary", bytes, bytes)
    calls = [echo.future(b"%d" % i, timeout=30) for i in range(500)]
    assert [call.result() for call in calls] == [(b"%d" % i)[::-1] for i in range(500)]


def test_curl_speaks_http_1_0_1_1_and_2(addresses: dict[str, int]) -> None:
    for version in ("--http1.0", "--http1.1", "--http2-prior-knowledge"):
        said = _curl(addresses["http"], "/x", version, "-w", "\n%{http_code}")
        assert '"path": "/x"' in said and said.endswith("\n200"), (version, said)


def test_a_body_of_megabytes_is_the_same_on_the_other_side(addresses: dict[str, int], tmp_path: Path) -> None:
    # The app answers GET only: what it gets is refused whole, and the next request on the mesh works.
    body = tmp_path / "body"
    body.write_bytes(b"x" * 5_000_000)
    code = _curl(addresses["http"], "/", "--data-binary", f"@{body}", "-o", "/dev/null", "-w", "%{http_code}")
    assert code == "501"
    assert _answers(addresses["http"])


def test_h2load_counts_every_request(addresses: dict[str, int]) -> None:
    h2load = shutil.which("h2load")
    assert h2load, "h2load is needed: apt-get install nghttp2-client"
    url = f"http://127.0.0.1:{addresses['http']}/x"
    command = [h2load, "-n", "2000", "-c", "4", "-m", "16", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in said.stdout, said.stdout
