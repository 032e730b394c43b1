"""What a running `weft up` answers to other commands: `weft ps`, `weft restart`, and `weft up` again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from weft.mesh import Mesh
from weft.run.change import differs, expand_as
from weft.run.children import state
from weft.run.control import Say
from weft.run.controller import Failed
from weft.run.loopback import Target
from weft.run.member import machine_token
from weft.run.order import start_order
from weft.run.spec import Spec
from weft.run.starter import Registry, grace_s

if TYPE_CHECKING:
    from weft.run.up import Up


class Answers:
    """Of one run. One exchange at a time: while it is under way, an end of all processes is no end."""

    def __init__(self, up: Up) -> None:
        self._up = up
        self._busy = asyncio.Lock()

    @property
    def busy(self) -> bool:
        return self._busy.locked()

    async def answer(self, request: dict[str, Any], say: Say) -> dict[str, Any]:
        """`request["do"]` is status, restart or change; raises `Failed` with what did not come back."""
        up = self._up
        if request["do"] == "status":
            seen = await asyncio.to_thread(up.member.workloads) if up.member else ()
            return {"workloads": [self._state(spec) for spec in up.specs], "seen": [asdict(w) for w in seen]}
        if not up.ready.is_set() or up.stopping:
            raise Failed(f"it is {'stopping' if up.stopping else 'still starting'}", "try again in a moment")

        def told(text: str) -> None:
            up.display.message(text)
            say(text)

        async with self._busy:
            try:
                if request["do"] == "restart":
                    await self._restart(request["service"], told)
                else:
                    await self._change(request, told)
            finally:
                up.changed.set()
        return {}

    def _state(self, spec: Spec) -> dict[str, Any]:
        child = self._up.children.get(spec.name)
        return {
            "name": spec.name,
            "namespace": spec.namespace,
            "service": self._up.part(spec),
            "version": spec.version,
            "state": state(child),
            "pid": child.process.pid if child and child.running else None,
        }

    async def _restart(self, service: str | None, say: Say) -> None:
        """One after the other, each after what it depends on: whoever has two processes is there all the time."""
        up = self._up
        chosen = [spec for spec in start_order(up.specs) if service in (None, spec.name, up.part(spec))]
        if not chosen:
            known = sorted({up.part(spec) for spec in up.specs})
            raise Failed(f"there is no service {service} here", f"there are {', '.join(known)}")
        with up.mesh() as mesh:
            for spec in chosen:
                await self._replace(mesh, spec)
                say(f"{spec.name} restarted")

    async def _change(self, request: Mapping[str, Any], say: Say) -> None:
        """The file as it is now, and only what is different in it."""
        up = self._up
        if request.get("join"):
            self._renew(request["join"])
        expanded = expand_as(up.order.file, request["variables"])
        publish = {address: Target(*target) for address, target in request["publish"].items()}
        with up.mesh() as mesh:
            up.order = replace(up.order, expanded=expanded, publish=publish)
            well = {name for name, child in up.children.items() if state(child) in ("running", "ended")}
            before = {spec.name: spec for spec in up.specs if spec.name in well}
            ours = {spec.key for spec in up.specs}
            others = {w.name for w in await asyncio.to_thread(mesh.workloads) if w.lease == "attached"} - ours
            up.refuse_second(others, up.url)
            planned = await up.planned(mesh, others)
            now = {spec.name: spec for spec in planned}
            for name in up.children.keys() - before.keys():
                del up.children[name]  # it has failed, and may have another try
            for name in [name for name in before if name not in now]:
                await self._end(before[name])
                del up.children[name]
                moved = any(plan.name == name for plan in expanded.workloads)
                say(f"{name} stopped: it {'runs on another machine now' if moved else 'left the file'}")
            up.intent.change(expanded, publish)
            applied = await asyncio.to_thread(up.intent.apply, mesh) if isinstance(mesh, Mesh) else 0
            up.specs = planned
            fresh = [spec for spec in planned if spec.name not in before]
            other = [spec for spec in planned if spec.name in before and differs(before[spec.name], spec)]
            for spec in other:
                await self._replace(mesh, spec)
                say(f"{spec.name} restarted: it is written differently")
            if fresh:
                await up.starter.bring(mesh, fresh)
                say(f"started: {', '.join(spec.name for spec in fresh)}")
            if applied:
                say(f"{resources(applied)} changed")
            if not applied and now == before:
                say("nothing has changed")

    def _renew(self, token: str) -> None:
        member = self._up.member
        if member is None:
            raise Failed("it is up with a controller on this machine", "`weft down` first, and then join")
        member.renew(machine_token(token))
        member.keep()

    async def _replace(self, mesh: Registry, spec: Spec) -> None:
        await self._end(spec)
        self._up.changed.set()
        await self._up.starter.bring(mesh, [spec])

    async def _end(self, spec: Spec) -> None:
        if spec.name in self._up.children:
            await self._up.children[spec.name].stop(grace_s(spec))


def resources(number: int) -> str:
    return f"{number} resource{'s' if number != 1 else ''}"
