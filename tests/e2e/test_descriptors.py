"""More connections than the proxy may have descriptors, and what is left of it afterwards."""

import json
import resource
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.conftest import free_port, get, until
from weft.run.binary import proxy_path

DESCRIPTORS, CALLERS = 64, 150


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"good")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def app() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def program(port: int, app: int) -> str:
    name = "default/b:80"
    endpoint = {"address": "127.0.0.1", "port": app, "workload": "default/b-0"}
    return json.dumps(
        {
            "mesh": {"name": "mesh", "trustDomain": "t.example"},
            "frontends": [{"name": f"{name}@*", "hosts": ["b"], "port": 80, "defaultBackend": name}],
            "backends": [{"name": name, "service": "default/b", "port": 80}],
            "endpoints": [{"name": name, "endpoints": [endpoint]}],
            "launch": {
                "workload": {"namespace": "default", "name": "a-0"},
                "outbound": [{"address": f"127.0.0.1:{port}", "frontend": name}],
                "ownAppOnly": False,
            },
        }
    )


def test_who_waits_to_be_accepted_is_accepted_when_there_is_room(tmp_path: Path, app: int) -> None:
    port = free_port()
    file = tmp_path / "program.json"
    file.write_text(program(port, app))
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


def answers(port: int) -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return get(f"127.0.0.1:{port}").status == 200
    except OSError:
        return False
