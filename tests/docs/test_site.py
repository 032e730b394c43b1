"""The site builds without a warning, its links lead somewhere, and no page fetches anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from tools.build_site import ROOT, site

# What a browser fetches by itself; a link that is clicked is no such thing.
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        # The address of a page is told to search engines, not fetched.
        if (name := FETCHED.get(tag)) and given.get(name) and given.get("rel") != "canonical":
            self.fetched.append(given[name])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="no mkdocs: make build installs it")
    folder = tmp_path_factory.mktemp("site")
    assert site(folder) == 0
    return folder


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in built.rglob("*.html")}


def test_each_page_of_the_docs_is_on_it(pages: dict[Path, Page], built: Path) -> None:
    found = {str(path.relative_to(built).with_suffix(".md")) for path in pages}
    assert found - {"404.md"} == {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}


def test_every_link_and_anchor_leads_somewhere(pages: dict[Path, Page]) -> None:
    assert [f"{path.name}: {link}" for path, link in _links(pages) if not _leads(path, link, pages)] == []


def _links(pages: dict[Path, Page]) -> Iterator[tuple[Path, str]]:
    for path, page in pages.items():
        if path.name != "404.html":  # its links are those of a site at the root of a host
            yield from ((path, link) for link in page.links if not re.match(r"https?:|mailto:", link))


def _leads(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    target, anchor = urldefrag(link)
    found = (path.parent / unquote(target)).resolve() if target else path
    if found.is_dir():
        found /= "index.html"
    return found.exists() and (not anchor or found not in pages or unquote(anchor) in pages[found].ids)


def test_no_page_fetches_anything_from_another_host(pages: dict[Path, Page], built: Path) -> None:
    assert [f"{path.name}: {one}" for path, page in pages.items() for one in page.fetched if "//" in one] == []
    styles = [path.read_text(encoding="utf-8") for path in built.rglob("*.css")]
    elsewhere = re.compile(r"url\([\"']?(?:https?:)?//[^)]+|@import[^;]+")
    assert [found for text in styles for found in elsewhere.findall(text)] == []


def test_pictures_say_in_words_what_they_show() -> None:
    drawn = sorted((ROOT / "docs/pictures").glob("*.svg"))
    shown = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    for picture in drawn:
        text = picture.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 200
        if picture.name != "weft.svg":
            assert "<title" in text and "<desc" in text and "prefers-color-scheme: dark" in text
            assert f"pictures/{picture.name})" in shown
