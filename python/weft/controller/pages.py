"""The dashboard's files, as the controller serves them: `/` and `/ui/…`. Its source is `web/`."""

from __future__ import annotations

import html
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from weft.controller.rest_json import ApiError

# Put there by tools/build_dashboard.py; a wheel cannot be built without it.
FOLDER = Path(__file__).with_name("dashboard")
# The page gets everything from here, and nobody may show it in a frame to steal clicks.
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
# The names of assets hold a hash of their content; the page that names them is asked for anew.
FOREVER, ASK = "public, max-age=31536000, immutable", "no-cache"

ABSENT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>weft</title>
<h1>The dashboard is not built</h1>
<p>This controller runs from a checkout that was built without node. Everything else works.</p>
<p>Install node 18 or later with npm, run <code>make build</code>, and load this page again.
A wheel of weft always has the dashboard.</p>
<p>Until then: <code>weft edges</code>, <code>weft status</code>, <code>weft workloads</code>.</p>
<p>Looked for it in <code>{}</code>.</p></html>
"""


class Pages:
    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    async def page(self, request: Request) -> Response:
        """One page for all of its addresses: it reads from the address what to show."""
        index = self._folder / "index.html"
        headers = {**SAFE, "cache-control": ASK}
        if not index.is_file():
            return HTMLResponse(ABSENT.format(html.escape(str(self._folder))), 503, headers)
        return FileResponse(index, headers=headers)

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        path = self._folder / "assets" / name
        # One flat folder: a name with a way in it is nobody's.
        if "/" in name or name.startswith(".") or not path.is_file():
            raise ApiError(404, f"there is no {name} in this dashboard", "load the page again: it was updated")
        return FileResponse(path, headers={**SAFE, "cache-control": FOREVER})
