"""Explicit outbound: what an app is told, and who may use it for what."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.conftest import World, until
from tests.e2e.support import file, job, raw, running

# Greets first, then sends back what it gets.
GREETER = """
import os, signal, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 hello\\n")
        for line in self.rfile:
            self.wfile.write(b"echo " + line)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

# Switches protocols, then sends back what it gets.
SOCKET_APP = """
import base64, hashlib, os, signal, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        key = b""
        while (line := self.rfile.readline().strip()):
            if line.lower().startswith(b"sec-websocket-key:"):
                key = line.partition(b":")[2].strip()
        if not key:
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\nconnection: close\\r\\n\\r\\n")
            return
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = base64.b64encode(digest)
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\\r\\nconnection: upgrade\\r\\nupgrade: websocket\\r\\n")
        self.wfile.write(b"sec-websocket-accept: " + accept + b"\\r\\n\\r\\n")
        while (data := self.request.recv(65536)):
            self.wfile.write(data)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("o")) as made:
        made.controller()
        greeter = made.service("greeter")
        greeter["spec"]["ports"][0]["protocol"] = "TCP"
        made.apply(made.service("book-reviews"), greeter, made.service("chat"))
        for name, code in (("greeter", GREETER), ("chat", SOCKET_APP)):
            command = [sys.executable, file(made, f"{name}.py", code)]
            made.start("run", "--service", name, "--name", f"{name}-0", "--", *command)
        made.serve("book-reviews")
        for name in ("greeter", "chat"):
            made.healthy(f"default/{name}-0")
        yield made


@pytest.fixture
def outside() -> Iterator[str]:
    """A server that is no part of the mesh."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "7")
            self.end_headers()
            self.wfile.write(b"outside")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


CURL = """
import json, os, subprocess
done = subprocess.run(["curl", "-sS", "-m", "15", "-D", "-", {arguments}], capture_output=True, text=True)
print(json.dumps([done.stdout, done.stderr]))
"""


def curl(world: World, name: str, arguments: str) -> str:
    out, error = job(world, name, CURL.format(arguments=arguments))
    return str(out or error)


def test_an_app_is_told_host_port_and_url_of_each_service(world: World) -> None:
    env = job(world, "told", "import json, os; print(json.dumps(dict(os.environ)))")
    for name in ("BOOK_REVIEWS", "GREETER", "CHAT"):
        assert env[f"{name}_HOST"].startswith("127.") and env[f"{name}_PORT"].isdecimal()
        assert env[f"{name}_URL"].endswith(f"://{env[f'{name}_HOST']}:{env[f'{name}_PORT']}")
    assert env["HTTP_PROXY"] == env["http_proxy"]
    assert env["BOOK_REVIEWS_HOST"] in env["NO_PROXY"]


def test_curl_reaches_a_service_by_its_address_as_a_proxy_and_by_host(world: World) -> None:
    assert "200 OK" in curl(world, "c1", 'os.environ["BOOK_REVIEWS_URL"] + "/x"')
    assert "200 OK" in curl(world, "c2", '"-x", os.environ["HTTP_PROXY"], "http://book-reviews.default.mesh/x"')
    assert "200 OK" in curl(world, "c3", '"-H", "host: book-reviews.default.mesh", os.environ["HTTP_PROXY"] + "/x"')


TCP = """
import json, os, socket
with socket.create_connection((os.environ["GREETER_HOST"], int(os.environ["GREETER_PORT"])), timeout=15) as connection:
    lines = connection.makefile("rwb")
    found = [lines.readline().decode()]
    lines.write(b"abc\\n"); lines.flush()
    found.append(lines.readline().decode())
print(json.dumps(found))
"""


def test_a_tcp_server_that_speaks_first_is_heard(world: World) -> None:
    assert job(world, "t1", TCP) == ["220 hello\n", "echo abc\n"]


UPGRADE = """
import json, os, socket
with socket.create_connection((os.environ["CHAT_HOST"], int(os.environ["CHAT_PORT"])), timeout=15) as connection:
    connection.sendall(b"GET /chat HTTP/1.1\\r\\nhost: chat\\r\\nconnection: Upgrade\\r\\nupgrade: websocket\\r\\n"
                       b"sec-websocket-version: 13\\r\\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
    head = b""
    while not head.endswith(b"\\r\\n\\r\\n"):
        more = connection.recv(1)
        if not more: break
        head += more
    frame = b"\\x81\\x85\\x37\\xfa\\x21\\x3d\\x7f\\x9f\\x4d\\x51\\x58"
    back = b""
    if b" 101 " in head:
        connection.sendall(frame)
        while len(back) < len(frame):
            back += connection.recv(100)
print(json.dumps([head.decode(), back == frame]))
"""


def test_a_websocket_goes_through_two_sidecars(world: World) -> None:
    head, same = job(world, "u1", UPGRADE)
    # The accept key of RFC 6455, 1.3.
    assert head.startswith("HTTP/1.1 101") and "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head
    assert same


def test_only_the_workloads_own_app_may_use_its_outbound_side(world: World) -> None:
    """The supervised app is nobody; this test is root."""
    done = world.weft("run", "--name", "owned", "--state-dir", str(world.folder / "owned"), "--print", "--", "true")
    launch = json.loads(done.stdout)
    assert launch["own_app_only"] is True
    launch["app"] |= {"uid": 65534, "gid": 65534, "directory": "/", "command": ["/bin/sh", "-c", SHELL]}
    path = world.folder / "owned.json"
    path.write_text(json.dumps(launch))
    path.chmod(0o600)
    supervise(world, str(path))
    log = world.folder / "log"
    text = until(lambda: log.read_text() if "\nEND\n" in log.read_text() else "", "the app's environment")
    env = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert "OWN HTTP/1.1 200 OK" in text, text
    for url in (env["BOOK_REVIEWS_URL"], env["HTTP_PROXY"]):
        request = b"GET / HTTP/1.1\r\nhost: book-reviews.default.mesh\r\n\r\n"
        answer, closed = raw(url.removeprefix("http://").rstrip("/"), request)
        assert closed and answer.startswith(b"HTTP/1.1 403 ") and b"weft-reason: not-your-proxy" in answer, answer


SHELL = """
until curl -sf -o /dev/null "$BOOK_REVIEWS_URL"; do :; done
env
echo "OWN $(curl -si "$BOOK_REVIEWS_URL" | head -1)"
echo END
exec tail -f /dev/null
"""


def supervise(world: World, launch: str) -> None:
    import subprocess

    from weft.run.binary import proxy_path

    with (world.folder / "log").open("a") as log:
        command = [str(proxy_path()), "supervise", "--launch", launch]
        world.processes.append(subprocess.Popen(command, stdout=log, stderr=log, text=True, env=world.env))


def test_an_unknown_destination_is_passed_through_and_refused_when_the_mesh_says_so(world: World, outside: str) -> None:
    ask = f'"--noproxy", "", "-x", os.environ["HTTP_PROXY"], "http://{outside}/x"'
    # NO_PROXY names 127.0.0.1, which curl would otherwise ask by itself: the server speaks 1.0, the proxy 1.1.
    answer = curl(world, "p1", ask)
    assert "HTTP/1.1" in answer, answer
    assert "200 OK" in answer and answer.endswith("outside"), answer
    mesh = {"apiVersion": "weft/v1", "kind": "Mesh", "metadata": {"name": "mesh"}, "spec": {"egress": "refuse"}}
    world.apply(mesh)
    try:
        answer = curl(world, "p2", ask)
        assert " 502 " in answer and "unknown-destination" in answer, answer
        assert "200 OK" in curl(world, "p3", 'os.environ["BOOK_REVIEWS_URL"] + "/x"')
    finally:
        world.apply(mesh | {"spec": {"egress": "allow"}})


def test_a_port_that_nobody_listens_on_is_not_told_as_the_apps_answer(world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer = curl(
            world, "p4", f'"--noproxy", "", "-x", os.environ["HTTP_PROXY"], "http://127.0.0.1:{free.getsockname()[1]}/"'
        )
    assert " 503 " in answer and "connect-failed" in answer, answer
