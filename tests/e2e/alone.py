"""A proxy without a controller, and the app that it leads to: what the tests of one process share."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.e2e.conftest import get


class _App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"good")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[int]:
    """An app in this process that answers "good"; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def program(port: int, app: int, **launch: Any) -> str:
    """For `weft-proxy run --program`: who calls `port` of 127.0.0.1 reaches `app`."""
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
                **launch,
            },
        }
    )


def answers(port: int) -> bool:
    try:
        return get(f"127.0.0.1:{port}", "/first").status == 200
    except OSError:
        return False
