"""What the tests of bad input share: raw bytes to a socket, an app that notes all it sees, a world for a module."""

from __future__ import annotations

import json
import re
import socket
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.e2e.conftest import World, free_port

# What the proxy of this tree can do, as its source has it.
CAPABILITIES = tuple(
    re.findall(
        r'^    "([a-z0-9.-]+)",$',
        (Path(__file__).resolve().parents[2] / "crates/core/src/capability.rs").read_text(),
        re.MULTILINE,
    )
)
# Connections are watched for this long to be closed; all real ones close at once.
CLOSE_S = 15.0

# Notes each byte that reaches it in $SEEN, and answers each connection's requests with 200.
NOTING_APP = """
import os, signal, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while (line := self.rfile.readline()):
            with open(os.environ["SEEN"], "ab") as seen:
                seen.write(line)
            length = 0
            while (header := self.rfile.readline().strip()):
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

# What may not pass: each is refused by RFC 9112, or is how request smuggling is done.
MALFORMED: dict[str, bytes] = {
    "no request line": b"\x00\x01\x02nonsense\r\n\r\n",
    "no target": b"GET\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nhost: b\r\ncontent-length : 3\r\n\r\nabc",
    "folded header": b"GET / HTTP/1.1\r\nhost: b\r\nx: 1\r\n folded\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "length with sign": b"POST / HTTP/1.1\r\nhost: b\r\ncontent-length: +3\r\n\r\nabc",
    "length and chunked": b"POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"
    b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: b\r\n\r\n",
    "chunked twice": b"POST / HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n"
    b"0\r\n\r\n",
    "chunked misspelt": b"POST / HTTP/1.1\r\nhost: b\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked behind a tab": b"POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 5\r\ntransfer-encoding:\tchunked\r\n\r\n"
    b"0\r\n\r\n",
    "chunked behind a control character": b"POST / HTTP/1.1\r\nhost: b\r\ntransfer-encoding: \x0bchunked\r\n\r\n"
    b"0\r\n\r\n",
    "chunked in a list": b"POST / HTTP/1.1\r\nhost: b\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "length in hexadecimal": b"POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 0x3\r\n\r\nabc",
    "length of nothing": b"POST / HTTP/1.1\r\nhost: b\r\ncontent-length:\r\n\r\nabc",
    "null in header": b"GET / HTTP/1.1\r\nhost: b\r\nx: a\x00b\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: b\r\nhost: c\r\n\r\n",
    "bare CR": b"GET / HTTP/1.1\r\nhost: b\r\nx: a\rtransfer-encoding: chunked\r\n\r\n",
}

# One function, for this process and as text for an app of the mesh.
RAW = f'''
def raw(address, data):
    """All that comes back until the other side closes; None in the end: it did not close."""
    import socket
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout={CLOSE_S}) as connection:
        connection.sendall(data)
        found = b""
        try:
            while more := connection.recv(65536):
                found += more
        except ConnectionResetError:
            pass
        except TimeoutError:
            return found, False
        return found, True
'''
_scope: dict[str, Any] = {}
exec(RAW, _scope)


def raw(address: str, data: bytes) -> tuple[bytes, bool]:
    answer: tuple[bytes, bool] = _scope["raw"](address, data)
    return answer


def refused(answer: bytes, closed: bool, what: str) -> None:
    """A 4xx (or nothing at all, of what is not HTTP), once, and the connection is over."""
    assert closed, f"{what}: the connection stays open after {answer[:200]!r}"
    heads = re.findall(rb"HTTP/1\.[01] (\d+)", answer)
    assert len(heads) <= 1 and all(head in (b"400", b"431", b"501", b"505") for head in heads), f"{what}: {answer!r}"


def failed(done: CompletedProcess[str], *words: str) -> str:
    """What a command said on stderr when it failed, as people are told things: no traceback, all `words` in it."""
    said = done.stderr
    assert done.returncode != 0, done.stdout + said
    assert "Traceback" not in said + done.stdout, said + done.stdout
    assert "error: " in said, said
    for word in words:
        assert word in said, f"no {word!r} in:\n{said}"
    return said


def file(world: World, name: str, text: str) -> str:
    path = world.folder / name
    path.write_text(textwrap.dedent(text).lstrip())
    return str(path)


def documents(world: World) -> str:
    """Everything that the controller has, as text to compare."""
    done = world.weft("get", "-o", "yaml")
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(folder: Path) -> Iterator[World]:
    """A world for several tests."""
    world = World(folder, free_port(), free_port(neighbours=2))
    try:
        yield world
    finally:
        world.close()
        log = folder / "log"
        if log.exists():
            print(log.read_text())


def noting(world: World, service: str, *options: str) -> Path:
    """A `NOTING_APP` as a workload of that service, healthy; the file in which it notes."""
    app, seen = world.folder / "noting.py", world.folder / f"{service}.seen"
    app.write_text(NOTING_APP)
    seen.touch()
    command = ["env", f"SEEN={seen}", sys.executable, str(app)]
    world.start("run", "--service", service, "--name", f"{service}-0", *options, "--", *command)
    world.healthy(f"default/{service}-0")
    return seen


def listens(port: int) -> socket.socket:
    """A port that is taken, by this process."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


def job(world: World, name: str, code: str) -> Any:
    """Python code as a job of the mesh; what it printed last, as JSON."""
    done = world.job(code, "--name", name)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
