"""The world: leases that follow the proxies' streams and the clock, told to the compiler, kept over a restart."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any, Protocol

from weft.compiler.model import PortInfo, WorkloadInfo
from weft.controller.clock import Clock
from weft.controller.leases import Attached, Lease, Leases
from weft.controller.shared import capability_set
from weft.store.errors import StoreError
from weft.store.model import Registration

log = logging.getLogger("weft.controller.registry")

# How long to leave a store alone that could not save: a disk that is full stays full for longer than this.
SAVE_AGAIN_S = 1.0


class Keeper(Protocol):
    async def registrations(self) -> list[Registration]: ...
    async def save_registrations(self, written: dict[str, bytes], removed: Iterable[str]) -> None: ...


class Registry:
    """`on_change` gets what is present and what is gone, once that is saved.

    First saved, then told: what any proxy was ever told of is known after a crash, so that a restart empties nothing.
    What changes while a save is under way goes with the next one, so that a thousand proxies that come back together
    are a few transactions.
    """

    def __init__(
        self,
        leases: Leases,
        keeper: Keeper,
        clock: Clock,
        on_change: Callable[[list[WorkloadInfo], list[str]], None],
    ) -> None:
        self.leases, self._keeper, self._clock, self._on_change = leases, keeper, clock, on_change
        self._untold: set[str] = set()
        self._unsaved: set[str] = set()
        self._moved, self._changed = asyncio.Event(), asyncio.Event()

    async def load(self, lost_for_s: float = 0.0) -> list[WorkloadInfo]:
        """What was registered when we stopped. `lost_for_s`: how long that counts as gone already."""
        found = [decode(registration.payload) for registration in await self._keeper.registrations()]
        self.leases.restore(found, self._clock.monotonic() - lost_for_s)
        return [self.info(lease) for lease in self.leases.all.values()]

    def info(self, lease: Lease) -> WorkloadInfo:
        return lease.info(self._clock.monotonic(), self.leases.unhealthy_after)

    def attach(self, stream: object, attached: Attached) -> None:
        self._change(self.leases.attach(stream, attached))

    def lose(self, name: str, stream: object) -> None:
        self._change(self.leases.lose(name, stream, self._clock.monotonic()))

    async def run(self) -> None:
        """Follows the clock, and saves, until cancelled."""
        await asyncio.gather(self._follow_clock(), self._keep_saved())

    async def _follow_clock(self) -> None:
        while True:
            self._moved.clear()
            now = self._clock.monotonic()
            due = self.leases.next_change(now)
            waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._moved.wait())]
            if due is not None:
                waits.append(asyncio.create_task(self._clock.sleep(due - now)))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            self._change(self.leases.expire(self._clock.monotonic()))

    async def _keep_saved(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self.save():
                await self._clock.sleep(SAVE_AGAIN_S)
                self._changed.set()

    async def save(self) -> bool:
        """Saves, and tells, what changed. False: told, but not saved; the proxies that still hold their leases would
        have to come back before they are known again."""
        names, self._unsaved = self._unsaved, set()
        present = {name: self.leases.all[name] for name in names if name in self.leases.all}
        written = {name: encode(lease.latest) for name, lease in present.items()}
        saved = True
        try:
            if names:
                await self._keeper.save_registrations(written, names - written.keys())
        except StoreError as error:
            self._unsaved |= names
            log.error("registrations are not saved: %s (%s)", error, error.hint)
            saved = False
        self._tell(names & self._untold)
        return saved

    def _change(self, names: set[str]) -> None:
        if names:
            self._unsaved |= names
            self._untold |= names
            self._moved.set()
            self._changed.set()

    def _tell(self, names: set[str]) -> None:
        self._untold -= names
        present = [self.info(self.leases.all[name]) for name in sorted(names) if name in self.leases.all]
        gone = sorted(name for name in names if name not in self.leases.all)
        if present or gone:
            self._on_change(present, gone)


def encode(attached: Attached) -> bytes:
    fields: dict[str, Any] = asdict(attached)
    fields["info"]["capabilities"] = sorted(fields["info"]["capabilities"])
    # True when it was said; who attaches again says it again.
    del fields["clock_ahead_s"]
    return json.dumps(fields, separators=(",", ":")).encode()


def decode(payload: bytes) -> Attached:
    fields: dict[str, Any] = json.loads(payload)
    info = fields.pop("info")
    ports = tuple(PortInfo(**port) for port in info.pop("ports"))
    known = WorkloadInfo(**info)
    return Attached(replace(known, ports=ports, capabilities=capability_set(known.capabilities)), **fields)
