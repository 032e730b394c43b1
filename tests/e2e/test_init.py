"""What `weft init` writes runs: a Compose file and a Procfile, with real processes and real requests."""

import contextlib
import json
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.conftest import World, free_port, get
from tests.e2e.test_up import own

# Answers with what it was told, and with what it hears at BACKEND and at CACHE_HOST.
APP = """
import json, os, signal, socket, sys, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        said = {"path": self.path, "word": os.environ.get("WORD"), "secret": os.environ.get("SECRET")}
        if self.path == "/all":
            with urllib.request.urlopen(os.environ["BACKEND"] + "/x") as answer:
                said["backend"] = json.load(answer)
            with socket.create_connection((os.environ["CACHE_HOST"], int(os.environ["CACHE_AT"]))) as cache:
                said["cache"] = cache.makefile().readline().strip()
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
port = sys.argv[sys.argv.index("--port") + 1] if "--port" in sys.argv else os.environ["PORT"]
ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""
COMPOSE = """
x-common: &common
  restart: always
  environment: &env {{WORD: "${{WORD:-none}}"}}
services:
  front:
    <<: *common
    build: ./front
    ports: ["${{FRONT:-1}}:8000"]
    environment: {{<<: *env, BACKEND: "http://back:5000/v1", CACHE_HOST: cache, CACHE_AT: "6379"}}
    depends_on: {{back: {{condition: service_healthy}}, cache: {{condition: service_started}}}}
    healthcheck: {{test: [CMD, curl, -f, "http://localhost:8000/healthz"], interval: 2s, timeout: 1s}}
  back:
    <<: *common
    build: ./back
    command: python3 app.py --port 5000
    env_file: back.env
    deploy: {{replicas: 2}}
    networks: [inner]
  cache:
    image: redis:7
    ports: ["{cache}:6379"]
networks: {{inner: }}
"""


@contextlib.contextmanager
def cache() -> Iterator[int]:
    """Somebody else's server, which speaks first."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"hello from the cache\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def app(folder: Path, dockerfile: str = "") -> None:
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    if dockerfile:
        (folder / "Dockerfile").write_text(dockerfile)


@contextlib.contextmanager
def up(world: World) -> Iterator[None]:
    done = world.weft("up", "-d", "-f", str(world.folder / "weft.yaml"), *own(world))
    try:
        assert done.returncode == 0, done.stderr
        yield
    finally:
        assert world.weft("down", "-f", str(world.folder / "weft.yaml")).returncode == 0


def test_a_compose_file_runs(world: World) -> None:
    front = free_port()
    app(world.folder / "front", 'FROM python:3.12\nWORKDIR /app\nCMD ["python3", "/app/app.py"]\n')
    app(world.folder / "back", "FROM python:3.12\n")
    (world.folder / "back.env").write_text("SECRET=s3\n")
    (world.folder / ".env").write_text(f"FRONT={front}\nWORD=hello\n")
    with cache() as port:
        (world.folder / "compose.yaml").write_text(COMPOSE.format(cache=port))
        out = str(world.folder / "weft.yaml")
        done = world.weft("init", "--from", str(world.folder / "compose.yaml"), "--out", out)
        assert done.returncode == 0, done.stderr
        assert "back.networks: everything runs on this machine" in done.stderr
        assert world.weft("validate", "-f", out).returncode == 0
        with up(world):
            body = get(f"127.0.0.1:{front}", "/all").body
            listed = world.weft("ps", "-f", out, "-o", "json")
    assert body["word"] == "hello"
    assert body["backend"] == {"path": "/v1/x", "word": "hello", "secret": "s3"}
    assert body["cache"] == "hello from the cache"
    assert [each["workload"] for each in json.loads(listed.stdout)] == ["front-0", "back-0", "back-1", "edge"]


def test_a_procfile_runs(world: World) -> None:
    port = free_port(neighbours=101)
    (world.folder / "app.py").write_text(APP)
    lines = ["web: exec python3 app.py --port $PORT", "api: python3 app.py --port ${PORT}", "job: true && sleep 600"]
    (world.folder / "Procfile").write_text("\n".join(lines))
    (world.folder / ".env").write_text(f"PORT={port}\nSECRET=s3\n")
    out = str(world.folder / "weft.yaml")
    done = world.weft("init", "--from", str(world.folder / "Procfile"), "--out", out)
    assert done.returncode == 0, done.stderr
    with up(world):
        assert get(f"127.0.0.1:{port}", "/").body == {"path": "/", "word": None, "secret": "s3"}
        assert get(f"127.0.0.1:{port + 100}", "/x").body["path"] == "/x"


def test_what_listens_is_called_as_a_service_and_goes_on(world: World) -> None:
    with cache() as port:
        out = world.folder / "weft.yaml"
        done = world.weft("init", "--listening", "--out", str(out))
        assert done.returncode == 0, done.stderr
        written = out.read_text()
        assert f"# Port {port} of process {os.getpid()}." in written
        assert f"port: {port}\n    endpoints: [{{address: 127.0.0.1}}]" in written
        assert world.weft("validate", "-f", str(out)).returncode == 0
