"""The books: what there is, what it costs, and what its cover looks like."""

import json
from html import escape
from pathlib import Path
from typing import Any

from service import Answer, Refused, Request, as_json, serve

BOOKS: dict[str, Any] = {
    book["id"]: book for book in json.loads((Path(__file__).parent / "books.json").read_text(encoding="utf-8"))
}

# Letters of the title in one line of a cover.
LINE = 13


def books(request: Request) -> Answer:
    """All, or those with all words of `q` in title, author or shelf."""
    words = request.query.get("q", "").lower().split()

    def fits(book: dict[str, Any]) -> bool:
        text = f"{book['title']} {book['author']} {book['shelf']}".lower()
        return all(word in text for word in words)

    return as_json([book for book in BOOKS.values() if fits(book)])


def book(request: Request, id: str) -> Answer:
    return as_json(_book(id))


def cover(request: Request, id: str) -> Answer:
    return Answer(svg(_book(id)), "image/svg+xml", headers={"cache-control": "max-age=3600"})


def _book(id: str) -> dict[str, Any]:
    if id not in BOOKS:
        raise Refused(404, f"there is no book {id}")
    found: dict[str, Any] = BOOKS[id]
    return found


def svg(book: dict[str, Any]) -> str:
    """A cover in the book's two colours: its title, its author, and a pattern that is its own."""
    ground, ink = book["colours"]
    seed = sum(map(ord, book["id"]))
    x, y, step = seed * 37 % 300, 200 + seed * 53 % 200, 15 + seed % 14
    rings = "".join(f'<circle cx="{x}" cy="{y}" r="{14 + i * step}"/>' for i in range(8))
    lines = _lines(book["title"])
    title = "".join(f'<tspan x="24" dy="{0 if i == 0 else 36}">{escape(line)}</tspan>' for i, line in enumerate(lines))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 440" role="img">'
        f"<title>{escape(book['title'])}</title>"
        f'<rect width="300" height="440" fill="{ground}"/>'
        f'<g fill="none" stroke="{ink}" stroke-opacity=".2" stroke-width="7">{rings}</g>'
        f'<rect width="12" height="440" fill="#000" fill-opacity=".16"/>'
        f'<g fill="{ink}" font-family="Georgia, \'Times New Roman\', serif">'
        f'<text y="66" font-size="31" font-weight="bold">{title}</text>'
        f'<text x="24" y="416" font-size="21">{escape(book["author"])}</text></g></svg>'
    )


def _lines(title: str) -> list[str]:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


if __name__ == "__main__":
    serve({"GET /api/books": books, "GET /api/books/{id}": book, "GET /covers/{id}.svg": cover})
