"""Baskets: what somebody has chosen and not yet ordered. All that it knows is in the store."""

from typing import Any

from keys import Store
from service import Answer, Refused, Request, as_json, ask, quote, serve

# A basket beyond this is a warehouse.
MAX_BOOKS = 50


def basket(request: Request, id: str) -> Answer:
    with Store() as store:
        return as_json(_priced(store.get(f"basket:{id}") or []))


def put(request: Request, id: str) -> Answer:
    """{"book": …} into the basket, which begins to exist with it."""
    book = ask("catalogue", f"/api/books/{quote(request.text('book'))}")["id"]
    with Store() as store:
        books = store.get(f"basket:{id}") or []
        if len(books) >= MAX_BOOKS:
            raise Refused(409, "the basket is full")
        store.set(f"basket:{id}", [*books, book])
        return as_json(_priced([*books, book]))


def empty(request: Request, id: str) -> Answer:
    with Store() as store:
        store.set(f"basket:{id}", [])
        return as_json(_priced([]))


def _priced(books: list[str]) -> dict[str, Any]:
    lines = [ask("catalogue", f"/api/books/{book}") for book in books]
    return {"books": lines, "total": round(sum(line["price"] for line in lines), 2)}


if __name__ == "__main__":
    serve({"GET /baskets/{id}": basket, "POST /baskets/{id}": put, "POST /baskets/{id}/empty": empty})
