"""The shop as people see it: HTML, made of what the other services say.

Where one of them does not answer, the page is there without what it would have said.
"""

import secrets
import sys
from pathlib import Path
from typing import Any

import pages
from service import Answer, Refused, Request, Unavailable, ask, quote, serve

CSS = (Path(__file__).parent / "shop.css").read_text(encoding="utf-8")
COOKIE = "basket"


def home(request: Request) -> Answer:
    books = ask("catalogue", "/api/books")
    return Answer(pages.home(books, _count(request)))


def search(request: Request) -> Answer:
    query = request.query.get("q", "").strip()[:100]
    books = ask("catalogue", f"/api/books?q={quote(query)}")
    return Answer(pages.search(query, books, _count(request)))


def book(request: Request, id: str) -> Answer:
    try:
        found = ask("catalogue", f"/api/books/{quote(id)}")
    except Unavailable as error:
        raise Refused(404, "We do not have this book.") if error.status == 404 else error from None
    reviews = _without("reviews", f"/reviews/{found['id']}")
    alike = _without("recommendations", f"/recommendations/{found['id']}")
    return Answer(pages.book(found, reviews, alike, _count(request)))


def basket(request: Request) -> Answer:
    return Answer(pages.basket(_basket(request)))


def put(request: Request) -> Answer:
    """Into the basket, which a cookie names."""
    id = request.cookie(COOKIE) or secrets.token_hex(8)
    ask("baskets", f"/baskets/{quote(id)}", {"book": request.form.get("book", "")})
    return _to("/basket", {"set-cookie": f"{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax"})


def order(request: Request) -> Answer:
    name = request.form.get("name", "").strip() or "A reader"
    books = [book["id"] for book in _basket(request)["books"]]
    if not books:
        raise Refused(409, "The basket is empty.")
    placed = ask("orders", "/api/orders", {"books": books, "name": name})
    ask("baskets", f"/baskets/{quote(request.cookie(COOKIE))}/empty", {})
    return _to(f"/order/{placed['number']}")


def placed(request: Request, number: str) -> Answer:
    try:
        return Answer(pages.placed(ask("orders", f"/api/orders/{quote(number)}")))
    except Unavailable as error:
        raise Refused(404, "There is no such order.") if error.status == 404 else error from None


def css(request: Request) -> Answer:
    return Answer(CSS, "text/css; charset=utf-8", headers={"cache-control": "max-age=60"})


def failed(status: int, why: str) -> Answer:
    return Answer(pages.sorry(status, why), status=status)


def _basket(request: Request) -> dict[str, Any]:
    id = request.cookie(COOKIE)
    found: dict[str, Any] = ask("baskets", f"/baskets/{quote(id)}") if id else {"books": [], "total": 0}
    return found


def _count(request: Request) -> int:
    """How much is in the basket; who cannot be told sees an empty one."""
    try:
        return len(_basket(request)["books"])
    except Unavailable as error:
        print(f"without the basket: {error}", file=sys.stderr)
        return 0


def _without(service: str, path: str) -> Any:
    """What makes a page nicer, or None."""
    try:
        return ask(service, path)
    except Unavailable as error:
        print(f"without {service}: {error}", file=sys.stderr)
        return None


def _to(path: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer("", status=303, headers={"location": path, **(headers or {})})


if __name__ == "__main__":
    serve(
        {
            "GET /": home,
            "GET /search": search,
            "GET /books/{id}": book,
            "GET /basket": basket,
            "POST /basket": put,
            "POST /order": order,
            "GET /order/{number}": placed,
            "GET /shop.css": css,
        },
        failed,
    )
