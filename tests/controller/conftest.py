"""A controller on ports of its own, with REST as its user sees it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from weft.controller.clock import Clock
from weft.controller.controller import Controller
from weft.controller.options import Options
from weft.identity.authority import pem
from weft.testing import FakeProxy

ROOT = Path(__file__).resolve().parents[2]
# What the proxy of this tree can do, as its source has it: the extension need not be built.
CAPABILITIES = tuple(re.findall(r'^    "([a-z0-9.-]+)",$', (ROOT / "crates/core/src/capability.rs").read_text(), re.M))
COMPILER = (sys.executable, str(Path(__file__).with_name("worker_without_core.py")))


class World:
    """One controller and who talks to it. Restarting keeps the state directory."""

    def __init__(
        self, state_dir: Path, clock: Clock | None = None, compiler: Sequence[str] = COMPILER, **options: Any
    ) -> None:
        self.state_dir, self.clock, self.compiler, self.options = state_dir, clock, compiler, options
        self.proxies: list[FakeProxy] = []

    async def start(self) -> None:
        options = Options(
            self.state_dir, **{"grpc_address": "127.0.0.1:0", "rest_address": "127.0.0.1:0", **self.options}
        )
        self.controller = Controller(options, self.clock, self.compiler)
        await self.controller.start()
        self.rest = httpx.AsyncClient(base_url=f"http://{self.controller.rest.address}", trust_env=False, timeout=30)
        self.unix = f"unix:{self.controller.state.socket}"

    async def stop(self) -> None:
        await self.rest.aclose()
        await self.controller.stop()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def end(self) -> None:
        for proxy in self.proxies:
            await proxy.close()
        await self.stop()

    @property
    def roots(self) -> bytes:
        return pem(self.controller.authority.root_der)

    def proxy(self, name: str, service: str = "", **more: Any) -> FakeProxy:
        namespace, _, short = name.partition("/")
        made = FakeProxy(namespace, short, service, **more)
        made.features = CAPABILITIES
        self.proxies.append(made)
        return made

    async def local(self, name: str, service: str = "", **more: Any) -> FakeProxy:
        """A proxy over the unix socket, its stream open."""
        made = self.proxy(name, service, **more)
        made.connect(self.unix)
        await made.sign(made.channel)
        await made.open()
        return made

    async def joined(self, name: str, service: str = "", **more: Any) -> FakeProxy:
        """A proxy with an SVID by token, over mTLS, its stream open."""
        made = self.proxy(name, service, **more)
        token = await self.token(made.workload.namespace, made.workload.service_account)
        await made.join(token, self.roots)
        made.connect(str(self.controller.grpc_address))
        await made.open()
        return made

    async def token(self, namespace: str, account: str, **more: Any) -> str:
        body = {"namespace": namespace, "service_account": account, **more}
        answer = await self.ok("POST", "/v1/tokens", json=body)
        return str(answer["token"])

    async def apply(self, *documents: dict[str, Any], **more: Any) -> Any:
        return await self.ok("POST", "/v1/apply", json={"documents": list(documents), **more})

    async def compiled(self) -> None:
        """What was applied is in the program."""
        async with asyncio.timeout(20):
            while (await self.ok("GET", "/v1/health"))["compiled_revision"] < self.controller.store.revision:
                pass

    async def ok(self, method: str, path: str, **more: Any) -> Any:
        response = await self.rest.request(method, path, **more)
        assert response.status_code == 200, (response.status_code, response.text)
        return response.json()

    async def fails(self, status: int, method: str, path: str, **more: Any) -> Any:
        response = await self.rest.request(method, path, **more)
        assert response.status_code == status, (response.status_code, response.text)
        return response.json()


def service(name: str, port: int = 80, namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "weft/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"port": port, "protocol": "HTTP"}], **spec},
    }


def route(name: str, to: str, backend: str, namespace: str = "default", path: str = "/", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": to}],
            "rules": [{"matches": [{"path": {"value": path}}], "backendRefs": [{"name": backend, "port": 80}], **more}],
        },
    }


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "state")
    await made.start()
    yield made
    await made.end()
