"""The shop's pages: values in, HTML out. Every text goes through `escape`."""

from collections.abc import Sequence
from html import escape
from typing import Any

from service import quote

Book = dict[str, Any]


def home(books: Sequence[Book], count: int) -> str:
    shelves = dict.fromkeys(book["shelf"] for book in books)
    links = "".join(f'<a href="/search?q={quote(shelf.lower())}">{escape(shelf)}</a>' for shelf in shelves)
    shelves_nav = f"<nav class=shelves aria-label=Shelves>{links}</nav>"
    hero = f"<div class=hero><h1>Old books,<br>in good hands.</h1>{shelves_nav}</div>"
    return _page("Home", hero + _grid(books), count)


def search(query: str, books: Sequence[Book], count: int) -> str:
    found = f"{len(books)} {'book' if len(books) == 1 else 'books'}" if books else "No book"
    body = f"<h1>{found} for “{escape(query)}”</h1>"
    nothing = '<p class=quiet>Try an author, a title, or a shelf such as <a href="/search?q=sea">sea</a>.</p>'
    body += _grid(books) if books else nothing
    return _page(f"Search: {query}", body, count, query)


def book(book: Book, reviews: dict[str, Any] | None, alike: Sequence[Book] | None, count: int) -> str:
    body = (
        f"<article class=book>{_cover(book)}<div>"
        f"<p class=shelf>{escape(book['shelf'])}</p><h1>{escape(book['title'])}</h1>"
        f"<p class=author>{escape(book['author'])}, {book['year']}</p>"
        f"{_stars(reviews)}<p class=about>{escape(book['about'])}</p>"
        f'<form method=post action=/basket><input type=hidden name=book value="{escape(book["id"])}">'
        f"<span class=price>{_money(book['price'])}</span><button>Put into the basket</button></form></div></article>"
        f"<section><h2>What readers say</h2>{_reviews(reviews)}</section>"
    )
    if alike:
        body += f"<section><h2>Readers of this book also liked</h2>{_grid(alike)}</section>"
    return _page(book["title"], body, count)


def basket(basket: dict[str, Any]) -> str:
    if not basket["books"]:
        body = '<h1>Your basket</h1><p class=quiet>It is empty. <a href="/">Have a look around</a>.</p>'
        return _page("Basket", body, 0)
    form = (
        "<form method=post action=/order><label>Your name <input name=name autocomplete=name required maxlength=80>"
        "</label><button>Order now</button></form>"
    )
    return _page("Basket", f"<h1>Your basket</h1>{_lines(basket)}{form}", len(basket["books"]))


def placed(order: dict[str, Any]) -> str:
    body = (
        f"<h1>Thank you, {escape(order['name'])}.</h1>"
        f"<p>Order <strong>no. {order['number']}</strong> is on its way.</p>{_lines(order)}"
        '<p><a href="/">Back to the books</a></p>'
    )
    return _page(f"Order {order['number']}", body, 0)


def sorry(status: int, why: str) -> str:
    title = "Not here" if status == 404 else "Sorry"
    text = why if status < 500 else "Something behind the counter does not answer. Please try again in a moment."
    body = f'<h1>{title}</h1><p class=quiet>{escape(text)}</p><p><a href="/">Back to the books</a></p>'
    return _page(title, body, 0)


def _page(title: str, body: str, count: int, query: str = "") -> str:
    number = f" <b>{count}</b>" if count else ""
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=color-scheme content='light dark'>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} · The Bookshop</title><link rel=stylesheet href="/shop.css">'
        '<link rel=icon href="data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 16 16%22>'
        '<path fill=%22%23a34a28%22 d=%22M2 2h5l1 1 1-1h5v11H9l-1 1-1-1H2z%22/></svg>"></head><body>'
        '<header><a class=name href="/">The Bookshop</a>'
        f'<form action=/search role=search><input type=search name=q value="{escape(query)}"'
        ' placeholder="Title or author" aria-label="Search the books"><button>Search</button></form>'
        f'<a class=basket href="/basket">Basket{number}</a></header><main>{body}</main>'
        "<footer>The Bookshop sells nothing. It shows what a mesh does for eight small services.</footer>"
        "</body></html>\n"
    )


def _grid(books: Sequence[Book]) -> str:
    entry = '<li><a href="/books/{id}">{cover}<strong>{title}</strong><span>{author}</span></a></li>'
    items = (
        entry.format(id=escape(b["id"]), cover=_cover(b), title=escape(b["title"]), author=escape(b["author"]))
        for b in books
    )
    return f"<ul class=grid>{''.join(items)}</ul>"


def _cover(book: Book) -> str:
    # The title stands beside it.
    return f'<img src="/covers/{escape(book["id"])}.svg" alt="" width=300 height=440>'


def _stars(reviews: dict[str, Any] | None) -> str:
    stars = reviews and reviews["stars"]
    if not stars:
        return ""
    if stars.get("missing"):
        return "<p class=quiet>No stars at the moment.</p>"
    share = f"{stars['average'] / 5:.0%}"
    colour = "gold" if stars["colour"] else "black"
    return (
        f'<p class="stars {colour}"><span role=img aria-label="{stars["average"]:.1f} of 5 stars">'
        f'<i style="width:{share}">★★★★★</i>★★★★★</span> {stars["average"]:.1f} from {stars["readers"]} readers</p>'
    )


def _reviews(reviews: dict[str, Any] | None) -> str:
    if reviews is None:
        return "<p class=quiet>The reviews are being dusted. They will be back in a moment.</p>"
    quotes = (
        f"<blockquote><p>{escape(each['text'])}</p><cite>{escape(each['who'])}</cite></blockquote>"
        for each in reviews["reviews"]
    )
    return f"<div class=reviews>{''.join(quotes)}</div>"


def _lines(basket: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><td><a href="/books/{escape(line["id"])}">{escape(line["title"])}</a></td>'
        f"<td>{_money(line['price'])}</td></tr>"
        for line in basket["books"]
    )
    total = f"<tfoot><tr><td>Together</td><td>{_money(basket['total'])}</td></tr></tfoot>"
    return f"<table><tbody>{rows}</tbody>{total}</table>"


def _money(amount: float) -> str:
    return f"€ {amount:.2f}"
