"""Orders: what was in a basket, and for whom. What it knows is in the store."""

import threading

from keys import Store
from service import Answer, Refused, Request, as_json, ask, quote, serve

COUNTER = "orders"
# Reading a number that is not there and writing the first is two commands.
numbering = threading.Lock()


def order(request: Request) -> Answer:
    """{"basket": …, "name": …}: what is in the basket is ordered, and the basket empty again."""
    id, name = quote(request.text("basket")), request.text("name")
    basket = ask("baskets", f"/baskets/{id}")
    if not basket["books"]:
        raise Refused(409, "the basket is empty")
    with Store() as store:
        with numbering:
            number = store.next(COUNTER)
        placed = {"number": number, "name": name, **basket}
        store.set(f"order:{number}", placed)
    ask("baskets", f"/baskets/{id}/empty", {})
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
