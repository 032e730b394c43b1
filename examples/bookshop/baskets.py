"""Baskets: what somebody has chosen and not yet ordered. All that it knows is in the store."""

from keys import Store
from service import MAX_BOOKS, Answer, Refused, Request, as_json, ask, priced, quote, serve


def basket(request: Request, id: str) -> Answer:
    with Store() as store:
        return _filled(store.get(f"basket:{id}") or [])


def put(request: Request, id: str) -> Answer:
    """{"book": …} into the basket, which begins to exist with it."""
    book = ask("catalogue", f"/api/books/{quote(request.text('book'))}")["id"]
    with Store() as store:
        books = store.get(f"basket:{id}") or []
        if len(books) >= MAX_BOOKS:
            raise Refused(409, "the basket is full")
        store.set(f"basket:{id}", [*books, book])
        return _filled([*books, book])


def empty(request: Request, id: str) -> Answer:
    with Store() as store:
        store.set(f"basket:{id}", [])
        return _filled([])


def _filled(books: list[str]) -> Answer:
    return as_json(priced([ask("catalogue", f"/api/books/{book}") for book in books]))


if __name__ == "__main__":
    serve({"GET /baskets/{id}": basket, "POST /baskets/{id}": put, "POST /baskets/{id}/empty": empty})
