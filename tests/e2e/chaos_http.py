"""The little HTTP/1.1 that the chaos test's app and load need: on two shared cores, each library would cost more than
what is tested. Connections are kept; nothing is retried here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LOST = 0

# Status and body; LOST and why when the connection ended first.
Done = Callable[[int, bytes], None]


class Pool:
    """Kept connections to one address."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.idle: list[Connection] = []

    def get(self, path: str, host: str, done: Done) -> None:
        request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                connection.send(request, done)
                return
        task = asyncio.get_running_loop().create_task(self._connect(request, done))
        task.add_done_callback(lambda _: None)

    async def _connect(self, request: bytes, done: Done) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), self.host, self.port)
        except OSError as error:
            done(LOST, repr(error).encode())
            return
        connection.send(request, done)


class Connection(asyncio.Protocol):
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.buffer = b""
        self.done: Done | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def send(self, request: bytes, done: Done) -> None:
        self.done = done
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = LENGTH.search(self.buffer, 0, end + 2)
        length = int(found[1]) if found else 0
        if len(self.buffer) < end + 4 + length:
            return
        head, body = self.buffer[:end], self.buffer[end + 4 : end + 4 + length]
        self.buffer = b""
        done, self.done = self.done, None
        if re.search(rb"\r\nconnection: *close", head, re.IGNORECASE):
            self.transport.close()
        else:
            self.pool.idle.append(self)
        if done:
            reason = re.search(rb"\r\nweft-reason: *(\S+)", head, re.IGNORECASE)
            done(int(head[9:12]), reason[1] if reason else body)

    def connection_lost(self, error: Exception | None) -> None:
        done, self.done = self.done, None
        if done:
            done(LOST, repr(error).encode())


class Served(asyncio.Protocol):
    """One connection of a client; `answer(path, reply)` calls `reply(status, body)` once, now or later."""

    def __init__(self, answer: Callable[[str, Done], None]) -> None:
        self.answer = answer
        self.buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head, self.buffer = self.buffer[:end], self.buffer[end + 4 :]
            self.answer(head.split(b" ", 2)[1].decode(), self.reply)

    def reply(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)
