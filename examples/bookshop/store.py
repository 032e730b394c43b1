"""A key-value store over TCP: the commands get, set, incr and delete of memcached's text protocol, in memory.

    set basket:7 0 0 6\\r\\n["emma"]…      STORED
    get basket:7                           VALUE basket:7 0 8 … END
"""

import asyncio
import os
import signal
from collections import OrderedDict

# The least recently used goes first.
MAX_KEYS = 50_000
MAX_VALUE = 64 * 1024
MAX_KEY = 250


class Store:
    def __init__(self) -> None:
        self.values: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        if key in self.values:
            self.values.move_to_end(key)
        return self.values.get(key)

    def set(self, key: str, value: bytes) -> None:
        self.values[key] = value
        self.values.move_to_end(key)
        if len(self.values) > MAX_KEYS:
            self.values.popitem(last=False)

    def incr(self, key: str, by: int) -> int | None:
        """Atomic: there is one thread, and nothing is awaited here."""
        value = self.get(key)
        if value is None or not value.isdigit():
            return None
        self.set(key, str(int(value) + by).encode())
        return int(value) + by

    def delete(self, key: str) -> bool:
        return self.values.pop(key, None) is not None


async def converse(store: Store, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, command by command, until the caller leaves."""
    try:
        while line := await reader.readline():
            words = line.decode("utf-8", "replace").split()
            if words == ["quit"]:
                break
            writer.write(await reply(store, words, reader) + b"\r\n")
            await writer.drain()
    except (OSError, ValueError, asyncio.IncompleteReadError):
        pass  # the caller is gone, or speaks something else
    finally:
        writer.close()


async def reply(store: Store, words: list[str], reader: asyncio.StreamReader) -> bytes:
    match words:
        case ["get", key]:
            value = store.get(key)
            return b"END" if value is None else b"VALUE %s 0 %d\r\n%s\r\nEND" % (key.encode(), len(value), value)
        case ["set", key, _, _, length] if length.isdigit() and int(length) <= MAX_VALUE and len(key) <= MAX_KEY:
            value = (await reader.readexactly(int(length) + 2))[:-2]
            store.set(key, value)
            return b"STORED"
        case ["incr", key, by] if by.isdigit():
            value = store.incr(key, int(by))
            return b"NOT_FOUND" if value is None else b"%d" % value
        case ["delete", key]:
            return b"DELETED" if store.delete(key) else b"NOT_FOUND"
        case ["version"]:
            return b"VERSION bookshop"
    return b"ERROR"


async def main() -> None:
    store = Store()
    server = await asyncio.start_server(lambda *ends: converse(store, *ends), "127.0.0.1", int(os.environ["PORT"]))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
