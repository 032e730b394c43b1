"""How other commands ask a running `weft up`: a unix socket in its directory, one question per connection.

A line of JSON there; lines of JSON back: any number of {"say": text}, then {"answer": …} or {"error", "hint", "tail"}.
Only processes of the same user, and root, may ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from weft.client.errors import WeftError
from weft.run.controller import Failed
from weft.run.state import PRIVATE_FILE

# An environment goes through it: Linux allows 2 MiB of that with the usual stack limit (ARG_MAX).
MAX_LINE = 4 * 1024 * 1024

Say: TypeAlias = Callable[[str], None]
Handler: TypeAlias = Callable[[dict[str, Any], Say], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def serving(path: Path, handler: Handler) -> AsyncIterator[None]:
    path.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError):
            await _answer(reader, writer, handler)
        writer.close()

    try:
        server = await asyncio.start_unix_server(answer, sock=_private(path), limit=MAX_LINE)
    except OSError as error:  # no room, or a path that is too long for a socket: 107 bytes on Linux, 103 on macOS
        why = (error.strerror or str(error)).lower()
        raise WeftError(f"cannot listen at {path}: {why}", "name a shorter place: TMPDIR, or --state-dir") from error
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _private(path: Path) -> socket.socket:
    """Closed to others before anybody can connect: who asks for a change brings variables, and so commands."""
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    path.chmod(PRIVATE_FILE)
    return made


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    def send(message: dict[str, Any]) -> None:
        writer.write(json.dumps(message).encode() + b"\n")

    request = json.loads(await reader.readline())
    if not isinstance(request, dict):
        return
    try:
        send({"answer": await handler(request, lambda text: send({"say": text}))})
    except WeftError as error:
        tail = error.tail if isinstance(error, Failed) else ()
        send({"error": error.message, "hint": error.hint, "tail": tail})
    await writer.drain()


def ask(path: str, request: dict[str, Any], say: Say) -> dict[str, Any]:
    """The answer; raises `Failed` with the other side's words."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    message = json.loads(line)
                    if "say" in message:
                        say(message["say"])
                    elif "error" in message:
                        raise Failed(message["error"], message["hint"], tuple(message["tail"]))
                    else:
                        answer: dict[str, Any] = message["answer"]
                        return answer
    except (OSError, ValueError) as error:
        raise Failed(f"`weft up` does not answer: {error}", "stop it with `weft down`") from error
    raise Failed("`weft up` ended before it had answered")
