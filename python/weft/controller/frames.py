"""Values over a pipe between the controller and its own compiler process: length, then a pickle.

Both ends are this program in this version on this machine, started by each other: the one place where pickle is right.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from typing import IO, Any

_LENGTH = struct.Struct("!I")
# One frame holds one batch of a program; a gigabyte would be a fault.
MAX_BYTES = 1 << 30


def encode(value: Any) -> bytes:
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def read(pipe: IO[bytes]) -> Any:
    """Blocking; EOFError when the other end has gone."""
    return pickle.loads(_exactly(pipe, _size(_exactly(pipe, _LENGTH.size))))


async def read_async(pipe: asyncio.StreamReader) -> Any:
    """EOFError when the other end has gone."""
    try:
        head = await pipe.readexactly(_LENGTH.size)
        return pickle.loads(await pipe.readexactly(_size(head)))
    except asyncio.IncompleteReadError as error:
        raise EOFError from error


def _size(head: bytes) -> int:
    size: int = _LENGTH.unpack(head)[0]
    if size > MAX_BYTES:
        raise EOFError(f"a frame of {size} bytes: the pipe is out of step")
    return size


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    parts = []
    while size:
        part = pipe.read(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
