"""Baskets and orders. What it knows is in the store, so that any replica of it may be asked."""

import json
import os
import socket
import threading
from typing import Any

from service import TIMEOUT_S, Answer, Refused, Request, Unavailable, as_json, ask, serve

# A basket beyond this is a warehouse.
MAX_BOOKS = 50
COUNTER = "orders"


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


# Reading a number that is not there and writing the first is two commands.
numbering = threading.Lock()


def basket(request: Request, id: str) -> Answer:
    with Store() as store:
        return as_json(_priced(store.get(f"basket:{id}") or []))


def put(request: Request, id: str) -> Answer:
    """{"book": …} into the basket, which begins to exist with it."""
    book = ask("catalogue", f"/api/books/{_text(request.json, 'book')}")["id"]
    with Store() as store:
        books = store.get(f"basket:{id}") or []
        if len(books) >= MAX_BOOKS:
            raise Refused(409, "the basket is full")
        store.set(f"basket:{id}", [*books, book])
        return as_json(_priced([*books, book]))


def order(request: Request) -> Answer:
    """{"basket": …, "name": …}: what is in the basket is ordered, and the basket empty again."""
    id, name = _text(request.json, "basket"), _text(request.json, "name")
    with Store() as store:
        books = store.get(f"basket:{id}")
        if not books:
            raise Refused(409, "the basket is empty")
        with numbering:
            number = store.next(COUNTER)
        placed = {"number": number, "name": name, **_priced(books)}
        store.set(f"order:{number}", placed)
        store.set(f"basket:{id}", [])
        return as_json(placed, 201)


def placed(request: Request, number: str) -> Answer:
    with Store() as store:
        found = store.get(f"order:{number}") if number.isdigit() else None
    if found is None:
        raise Refused(404, f"there is no order {number}")
    return as_json(found)


def all_orders(request: Request) -> Answer:
    """How many there are: for the office, not for the street."""
    with Store() as store:
        return as_json({"orders": store.get(COUNTER) or 0})


def _priced(books: list[str]) -> dict[str, Any]:
    lines = [ask("catalogue", f"/api/books/{book}") for book in books]
    return {"books": lines, "total": round(sum(line["price"] for line in lines), 2)}


def _text(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not value or len(value) > 200 or not value.isprintable():
        raise Refused(400, f"{name} is missing")
    return value


if __name__ == "__main__":
    serve(
        {
            "GET /api/orders/baskets/{id}": basket,
            "POST /api/orders/baskets/{id}": put,
            "POST /api/orders": order,
            "GET /api/orders/all": all_orders,
            "GET /api/orders/{number}": placed,
        }
    )
