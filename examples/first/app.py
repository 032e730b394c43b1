"""What the three services share: an HTTP server and a call, from the standard library. Nothing here knows of a mesh."""

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# An address takes its time; a call that takes longer is broken.
TIMEOUT_S = 10


def serve(answer: Callable[[str, dict[str, str]], Any]) -> None:
    """Serves GET on $PORT: `answer(path, headers)` as JSON."""

    class Handler(BaseHTTPRequestHandler):
        # Connections stay open between requests.
        protocol_version = "HTTP/1.1"
        # Head and body leave in one write: in two, Nagle's algorithm holds the second back for 40 ms.
        wbufsize = -1

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._send(200, "ok")
                return
            try:
                self._send(200, answer(self.path, dict(self.headers)))
            except OSError as error:
                self._send(502, {"error": str(error)})

        def _send(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


def get(service: str, path: str) -> Any:
    """Asks another service; where it is stands in the environment."""
    url = os.environ[f"{service.upper()}_URL"] + path
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
        return json.load(response)
