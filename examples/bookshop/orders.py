"""Orders: which books, and for whom. All that it knows is in the store."""

import threading

from keys import Store
from service import MAX_BOOKS, Answer, Refused, Request, as_json, ask, priced, quote, serve

COUNTER = "orders"
# Reading a number that is not there and writing the first is two commands.
numbering = threading.Lock()


def order(request: Request) -> Answer:
    """{"books": [id, …], "name": …}, at today's prices."""
    name = request.text("name")
    books = request.json.get("books")
    if not isinstance(books, list) or not 0 < len(books) <= MAX_BOOKS or not all(isinstance(id, str) for id in books):
        raise Refused(400, "an order has books")
    lines = [ask("catalogue", f"/api/books/{quote(id)}") for id in books]
    with Store() as store:
        with numbering:
            number = store.next(COUNTER)
        placed = {"number": number, "name": name, **priced(lines)}
        store.set(f"order:{number}", placed)
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


if __name__ == "__main__":
    serve({"POST /api/orders": order, "GET /api/orders/all": all_orders, "GET /api/orders/{number}": placed})
