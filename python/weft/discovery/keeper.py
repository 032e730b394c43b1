"""All sources of all services: asked, remembered, merged, told.

Each source has a task, so that a slow or dead one holds up nothing else. What changed is first saved and then told, as
registrations are: what any proxy ever heard of is known after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from weft.compiler.model import Discovered
from weft.controller.clock import Clock
from weft.discovery import saved
from weft.discovery.known import Known, Part
from weft.discovery.merge import Place, merged, place
from weft.discovery.source import Failed, Source
from weft.discovery.threads import in_thread
from weft.observe.events import EventRing
from weft.resources.service import Service, StaticEndpoint
from weft.resources.source import Source as Spec

log = logging.getLogger("weft.discovery")

# A source answers within its own patience; this is for one that forgot to.
PATIENCE_S: Final = 15.0
# After a failure that does not say when; doubled for each that follows.
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
PROBE_EVERY_S: Final = 5.0

# Among the tasks of a service; no source is called so.
PROBES: Final = ""
# The source of endpoints that stood in the service.
WRITTEN: Final = "written"

# (what is written, whether the service has several ports) to a source.
Make: TypeAlias = Callable[[Spec, bool], Source]
Tell: TypeAlias = Callable[[Mapping[str, tuple[Discovered, ...]]], None]
Connects: TypeAlias = Callable[[str, int], Awaitable[bool]]


class Found:
    """One service: its sources as they are written, what each said, and what was made of it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.known: dict[str, Known] = {}
        # What was taken out of the service, sources or written endpoints, until what came instead was heard once.
        self.leaving: dict[str, Known] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        # Of stale endpoints: whether they accepted a connection when last tried.
        self.answers: dict[Place, bool] = {}
        # As it was told last.
        self.told: tuple[Discovered, ...] = ()

    @property
    def waiting(self) -> bool:
        """Of some source nothing is known, because it was not heard yet."""
        return not all(known.asked or known.parts for known in self.known.values())

    @property
    def failing(self) -> bool:
        return any(known.problem for known in self.known.values())

    def endpoints(self, now: float) -> tuple[Discovered, ...]:
        if not self.waiting:
            self.leaving.clear()
        sources = (*self.known.values(), *self.leaving.values())
        return merged((endpoint for known in sources for endpoint in known.endpoints(now)), self.answers)


class Discovery:
    """`on_change` gets the complete sets of the services that changed, once they are saved."""

    def __init__(
        self,
        path: Path,
        make: Make,
        connects: Connects,
        clock: Clock,
        events: EventRing,
        on_change: Tell,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.found: dict[str, Found] = {}
        self._path, self._make, self._connects = path, make, connects
        self._clock, self._events, self._on_change, self._chance = clock, events, on_change, chance
        self._memory = saved.load(path)
        # Written endpoints of all services.
        self._written: dict[str, tuple[StaticEndpoint, ...]] = {}
        self._saving: asyncio.Future[None] | None = None
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        # By service and source: the failure that was said.
        self._said: dict[tuple[str, str], str] = {}

    def set_service(self, name: str, service: Service | None) -> None:
        """A service as it is now; None: there is no such service."""
        found = self.found.get(name)
        written = self._written.pop(name, ())
        if service is not None and service.spec.endpoints:
            self._written[name] = service.spec.endpoints
        if service is None or not service.spec.discovery:
            if found is not None:
                self._forget(name, found)
            return
        before = _specs(found.service) if found else {}
        wanted = _specs(service)
        if found is None:
            found = self.found[name] = Found(service)
        found.service = service
        for source in [source for source in before if wanted.get(source) != before[source]]:
            found.tasks.pop(source).cancel()
            self._said.pop((name, source), None)
            if source not in wanted:
                found.leaving[source] = found.known.pop(source)
        remembered = self._memory.pop(name, {})
        # In the order in which they are written.
        found.known = {s: found.known.get(s) or Known(s, dict(remembered.get(s, {}))) for s in wanted}
        if not before:
            self._replace_written(name, found, written)
            found.tasks[PROBES] = asyncio.create_task(self._probe(name, found), name=f"{name}: probes")
        for source, (spec, several) in wanted.items():
            if source not in found.tasks:
                found.known[source].asked = False
                task = self._follow(name, found, found.known[source], self._make(spec, several))
                found.tasks[source] = asyncio.create_task(task, name=f"{name}: {source}")
        self._touch(name)

    def remembered(self) -> dict[str, tuple[Discovered, ...]]:
        """What was known when the controller stopped, for the first program."""
        for found in self.found.values():
            found.told = found.endpoints(self._clock.monotonic())
        return {name: found.told for name, found in self.found.items()}

    async def run(self) -> None:
        """Saves and tells what changes, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._tell()

    async def stop(self) -> None:
        tasks = [task for found in self.found.values() for task in found.tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # When each answered last is not saved every time.
        await self._save()

    def _replace_written(self, name: str, found: Found, written: Iterable[StaticEndpoint]) -> None:
        """Told at once: the same program takes them out and in again, so that no request falls between."""
        gone = tuple(_discovered(each) for each in written if each not in found.service.spec.endpoints)
        if gone and found.waiting:
            found.leaving[WRITTEN] = Known(WRITTEN, {"": Part(gone, self._clock.time(), 0.0)})
            found.told = found.endpoints(self._clock.monotonic())
            self._on_change({name: found.told})

    def _forget(self, name: str, found: Found) -> None:
        for task in found.tasks.values():
            task.cancel()
        del self.found[name]
        for key in [key for key in self._said if key[0] == name]:
            del self._said[key]
        self._touch(name)

    def _touch(self, name: str) -> None:
        self._changed.add(name)
        self._wake.set()

    # ------------------------------------------------------------------------------------------------------- asking

    async def _follow(self, name: str, found: Found, known: Known, source: Source) -> None:
        pause = FIRST_PAUSE_S
        while True:
            before = known.said
            again = await self._ask(known, source)
            if not known.failure:
                pause = FIRST_PAUSE_S
            if again is None:
                again = pause * (0.8 + 0.4 * self._chance())
                pause = min(2 * pause, LONGEST_PAUSE_S)
            if known.said != before:
                self._say(name, found, known)
                self._touch(name)
            await self._sleep(name, known, again)

    async def _ask(self, known: Known, source: Source) -> float | None:
        """When to ask again; None: after a pause."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await source.ask()
        except Failed as error:
            known.failed(str(error))
            return error.again_s
        except TimeoutError:
            known.failed(f"{known.name}: no answer within {PATIENCE_S:g} s")
            return None
        except Exception as error:  # one source must not end the others, whatever is wrong with us
            log.exception("%s", known.name)
            known.failed(f"{known.name}: a defect in weft, please report it: {type(error).__name__}: {error}")
            return None
        known.answered(answer, self._clock.monotonic(), self._clock.time())
        return answer.again_s

    async def _sleep(self, name: str, known: Known, seconds: float) -> None:
        """Wakes the teller when something turns stale meanwhile."""
        end = self._clock.monotonic() + seconds
        while (change := known.next_change(now := self._clock.monotonic())) is not None and change < end:
            await self._clock.sleep(change - now)
            self._touch(name)
        await self._clock.sleep(end - self._clock.monotonic())

    def _say(self, name: str, found: Found, known: Known) -> None:
        """A failure once, for as long as it stays the same; and its end."""
        key, problem = (name, known.name), known.problem
        if self._said.get(key, "") == problem:
            return
        subject = str(found.service.ref)
        kept = sum(len(part.endpoints) for part in known.parts.values())
        if problem:
            self._said[key] = problem
            stay = f"; {_counted(kept)} known before stay in use" if kept else ""
            self._events.add("discovery-failed", subject, f"{problem}{stay}", "warning")
            log.warning("%s: %s%s", subject, problem, stay)
        else:
            del self._said[key]
            self._events.add("discovery-recovered", subject, f"{known.name}: {_counted(kept)}")
            log.info("%s: %s answers again", subject, known.name)

    # ------------------------------------------------------------------------------------------------------ probing

    async def _probe(self, name: str, found: Found) -> None:
        while True:
            now = self._clock.monotonic()
            default = found.service.spec.ports[0].port
            stale = {place(e): e for e in found.endpoints(now) if e.stale} if found.failing else {}
            answers = await asyncio.gather(*(self._connects(e.address, e.port or default) for e in stale.values()))
            fresh = dict(zip(stale, answers, strict=True))
            if fresh != found.answers:
                found.answers = fresh
                self._touch(name)
            await self._clock.sleep(PROBE_EVERY_S * (0.9 + 0.2 * self._chance()))

    # ------------------------------------------------------------------------------------------------------ telling

    async def _tell(self) -> None:
        names, self._changed = self._changed, set()
        news: dict[str, tuple[Discovered, ...]] = {}
        now = self._clock.monotonic()
        for name in names:
            found = self.found.get(name)
            endpoints = found.endpoints(now) if found else ()
            if found is None or endpoints != found.told:
                news[name] = endpoints
        if not news:
            return
        await self._save()
        for name, endpoints in news.items():
            if (found := self.found.get(name)) is not None:
                found.told = endpoints
        self._on_change(news)

    async def _save(self) -> None:
        memory = {name: {k: dict(v.parts) for k, v in found.known.items()} for name, found in self.found.items()}
        # One at a time, also when nobody waited for the last one to its end.
        if self._saving is not None:
            await asyncio.wait([self._saving])
        self._saving = in_thread(lambda: saved.save(self._path, memory))
        try:
            await asyncio.shield(self._saving)
        except OSError as error:
            log.error("what was discovered is not saved, and would not be known after a restart: %s", error)


def _discovered(written: StaticEndpoint) -> Discovered:
    port, identity = written.port or 0, written.identity or ""
    return Discovered(WRITTEN, written.address, port, written.labels, written.weight, identity, written.zone)


def _specs(service: Service) -> dict[str, tuple[Spec, bool]]:
    return {str(spec): (spec, len(service.spec.ports) > 1) for spec in service.spec.discovery}


def _counted(number: int) -> str:
    return f"{number} endpoint{'' if number == 1 else 's'}"
