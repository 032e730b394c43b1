"""The dashboard's files."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from tests.controller.conftest import World
from weft.controller.pages import Pages
from weft.controller.rest import _guarded


async def get(folder: Path, path: str) -> httpx.Response:
    pages = Pages(folder)
    routes = [Route("/ui/assets/{name:path}", _guarded(pages.asset)), Route("/ui/{rest:path}", _guarded(pages.page))]
    transport = httpx.ASGITransport(Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "dashboard/assets").mkdir(parents=True)
    (tmp_path / "dashboard/index.html").write_text("<title>weft</title>")
    (tmp_path / "dashboard/assets/index-abc.js").write_text("1")
    (tmp_path / "secret").write_text("hunter2")
    return tmp_path / "dashboard"


async def test_every_address_of_the_page_is_the_page_and_is_asked_for_anew(built: Path) -> None:
    for path in ("/ui/", "/ui/graph", "/ui/services/default/web"):
        answer = await get(built, path)
        assert (answer.status_code, answer.text) == (200, "<title>weft</title>")
        assert answer.headers["cache-control"] == "no-cache"


async def test_assets_are_kept_for_ever(built: Path) -> None:
    answer = await get(built, "/ui/assets/index-abc.js")
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/ui/graph", "/ui/assets/index-abc.js"])
async def test_nothing_is_loaded_from_elsewhere_and_nobody_frames_it(built: Path, path: str) -> None:
    policy = (await get(built, path)).headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy


ESCAPES = ("../secret", "..%2fsecret", "%2e%2e/%2e%2e/secret", ".hidden", "none.js", "%2fetc/passwd")


@pytest.mark.parametrize("name", ESCAPES)
async def test_only_assets_are_assets(built: Path, name: str) -> None:
    answer = await get(built, f"/ui/assets/{name}")
    assert "hunter2" not in answer.text and "root:" not in answer.text
    assert answer.status_code == 404 or answer.text == "<title>weft</title>"


async def test_a_checkout_built_without_node_says_how_to_build_the_page(tmp_path: Path) -> None:
    answer = await get(tmp_path, "/ui/graph")
    assert answer.status_code == 503 and "make build" in answer.text and "node" in answer.text


async def test_the_page_has_the_guard_of_rest(world: World) -> None:
    for path in ("/", "/ui/graph", "/ui/assets/x.js"):
        refused = await world.rest.get(path, headers={"host": "evil.example"})
        assert refused.status_code == 403
        refused = await world.rest.get(path, headers={"origin": "http://evil.example"})
        assert refused.status_code == 403
    assert "<title>weft" in (await world.rest.get("/")).text
