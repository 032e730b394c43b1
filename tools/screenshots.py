"""Makes the pictures of docs/dashboard.md from a mesh that runs.

    tools/build_site.py       starts `weft demo` for it; or, of one that runs:
    tools/screenshots.py [http://127.0.0.1:15080]

Pictures are not committed: they are made with the docs, and differ with each run.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any, Literal, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EXPLAIN = "explain?from=default/intern-0&to=default/ratings&method=GET&path=/ratings/emma"
SERVICE = "main:has(td[data-head=hits]) td[data-head=ejected] >> text=; out for"
# Name, address below /ui/, colour scheme, width; and what is shown once the page is complete.
Scheme: TypeAlias = Literal["light", "dark"]
PICTURES: tuple[tuple[str, str, Scheme, int, str], ...] = (
    ("graph", "graph", "light", 1280, ".ejected >> text=ejected"),
    ("around", "graph?around=ratings", "dark", 1280, ".ejected >> text=ejected"),
    ("services", "services", "light", 1280, "tbody"),
    ("service", "services/default/ratings", "light", 1280, SERVICE),
    ("workloads", "workloads", "dark", 1280, "tbody"),
    ("resources", "resources", "light", 1280, "tbody"),
    ("explain", EXPLAIN, "dark", 1280, ".end"),
    ("events", "events?severity=warning", "light", 1280, "tbody"),
    ("phone", "graph", "dark", 375, ".call"),
)
# Of a window that nobody made larger, and of a picture that fits between two paragraphs.
HEIGHT, HIGHEST = 800, 1140
# A page is complete in a second; a replica that was just let in again fails again within some more.
PATIENCE_MS = 120_000


def take(address: str, folder: Path, browser: Any) -> list[Path]:
    """Makes all PICTURES in `folder` with a browser of Playwright's."""
    made = []
    for name, path, scheme, width, shown in PICTURES:
        size = {"width": width, "height": HEIGHT}
        page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        page.goto(f"{address.rstrip('/')}/ui/{path}")
        page.locator(shown).first.wait_for(timeout=PATIENCE_MS)
        made.append(folder / f"dashboard-{name}.png")
        high = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({**size, "height": min(high, HIGHEST)})
        page.screenshot(path=made[-1])
        page.close()
    return made


def browser() -> str | None:
    """The system's own Chromium."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def main(arguments: list[str]) -> int:
    found = browser()
    if found is None:
        print("error: no browser\n\nhint: apt-get install chromium", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as steering:
        opened = steering.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for path in take(arguments[0] if arguments else "http://127.0.0.1:15080", FOLDER, opened):
            print(path.relative_to(ROOT))
        opened.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
