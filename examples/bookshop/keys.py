"""A client of the key-value store, for those that keep something there."""

import json
import os
import socket
from typing import Any

from service import TIMEOUT_S, Unavailable


class Store:
    """A connection to the key-value store, as a context manager."""

    def __enter__(self) -> "Store":
        address = os.environ["STORE_HOST"], int(os.environ["STORE_PORT"])
        try:
            self._socket = socket.create_connection(address, TIMEOUT_S)
        except OSError as error:
            raise Unavailable(f"the store cannot be reached: {error}") from None
        self._file = self._socket.makefile("rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def get(self, key: str) -> Any:
        """JSON, or None."""
        head = self._say(f"get {key}\r\n".encode())
        if head == "END":
            return None
        value = self._file.read(int(head.split()[3]) + 2)[:-2]
        self._line()
        return json.loads(value)

    def set(self, key: str, value: Any) -> None:
        data = json.dumps(value).encode()
        if self._say(b"set %s 0 0 %d\r\n%s\r\n" % (key.encode(), len(data), data)) != "STORED":
            raise Unavailable("the store did not take it")

    def next(self, key: str) -> int:
        number = self._say(f"incr {key} 1\r\n".encode())
        if number == "NOT_FOUND":
            self.set(key, 1)
            return 1
        return int(number)

    def _say(self, command: bytes) -> str:
        try:
            self._socket.sendall(command)
            return self._line()
        except OSError as error:
            raise Unavailable(f"the store left: {error}") from None

    def _line(self) -> str:
        line = self._file.readline()
        if not line:
            raise Unavailable("the store left")
        return line.decode().rstrip("\r\n")
