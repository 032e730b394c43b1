"""Endpoints by DNS: the addresses of a name, or the targets of its SRV records with theirs.

Asked again before the TTL is over, with jitter. Priorities of SRV become those of the balancer: the next group gets
what the healthy part of the first cannot carry, and everything when nothing is left of it. A weight holds for each
address of its target.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias

from weft.compiler.model import Discovered
from weft.discovery import hosts
from weft.discovery.believed import refusal
from weft.discovery.lookup import Record, Records, Type
from weft.discovery.source import Answer, Failed
from weft.discovery.threads import in_thread
from weft.resources.source import DnsSource

Ask: TypeAlias = Callable[[str, Type, str], Awaitable[Records]]

# A TTL of 0 means "do not keep it", which every single connection would have to ask for.
SHORTEST_S: Final = 1.0
# A day's TTL would hide a corrected mistake for a day.
LONGEST_S: Final = 300.0
# RFC 2308 lets a negative answer hold for hours; meanwhile a service would stand on what is stale.
LONGEST_NEGATIVE_S: Final = 30.0
# /etc/hosts has no TTL.
HOSTS_S: Final = 5.0
# A part that failed is asked again soon, whatever the TTL of the rest.
PART_AGAIN_S: Final = 5.0
# Of an SRV record: more is no answer that a resolver would pass on, and each is two questions.
MAX_TARGETS: Final = 1_000
# One source must not hold all questions that may be under way (`lookup.MAX_QUESTIONS`), nor a thread for each target.
TARGETS_AT_ONCE: Final = 32
FAMILIES: Final[tuple[Type, Type]] = ("A", "AAAA")

Part: TypeAlias = tuple[Discovered, ...] | Failed


class Dns:
    """`local`: the addresses that this machine knows by itself; asked in a thread, where no server is given."""

    def __init__(
        self,
        spec: DnsSource,
        ask: Ask,
        local: Callable[[str], list[str]] = hosts.addresses,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._spec, self._name, self._ask, self._local, self._chance = spec, str(spec), ask, local, chance
        self._types = tuple(family for family in FAMILIES if spec.type in ("auto", "SRV", family))

    async def ask(self) -> Answer:
        if self._spec.srv:
            return await self._targets()
        found = await self._addresses(self._spec.name)
        return self._answer({type_: self._endpoints(each) for type_, each in found.items()}, found.values())

    async def _targets(self) -> Answer:
        listed = await self._ask(self._spec.name, "SRV", self._spec.server or "")
        # Sorted: servers rotate their answers, and another order is not another set.
        records = sorted(listed.records, key=lambda record: (record.priority, record.target, record.port))
        targets = [record for record in records if record.target != "."]
        if not targets:
            refused = f"{self._spec.name}: it is not offered (its SRV record has the target .)"
            raise Failed(refused if listed.records else listed.why, _negative(listed.ttl_s))
        names = list(dict.fromkeys(record.target for record in targets))
        if len(names) > MAX_TARGETS:
            raise Failed(f"{self._spec.name}: {len(names)} targets, and {MAX_TARGETS} are the most")
        slots = asyncio.Semaphore(TARGETS_AT_ONCE)
        found = dict(zip(names, await asyncio.gather(*(self._target(name, slots) for name in names)), strict=True))
        ranks = {value: rank for rank, value in enumerate(sorted({record.priority for record in targets}))}
        weights = _weights(targets)
        parts = {
            f"{record.target}:{record.port} {type_}": self._endpoints(each, record, ranks[record.priority], weight)
            for record, weight in zip(targets, weights, strict=True)
            for type_, each in found[record.target].items()
        }
        return self._answer(parts, [listed, *(each for families in found.values() for each in families.values())])

    async def _target(self, name: str, slots: asyncio.Semaphore) -> Mapping[Type, Records | Failed]:
        """Of a name that a stranger gave: also where this machine knows it, it does not lead to this machine."""
        async with slots:
            found = await self._addresses(name)
        return {type_: self._believed(name, type_, each) for type_, each in found.items()}

    async def _addresses(self, name: str) -> Mapping[Type, Records | Failed]:
        """By address family; one that cannot be asked does not hide the other."""
        if not self._spec.server and (known := await in_thread(lambda: self._local(name))):
            return {type_: Records(tuple(_of_family(known, type_)), HOSTS_S) for type_ in self._types}
        asked = (self._family(name, type_) for type_ in self._types)
        return dict(zip(self._types, await asyncio.gather(*asked), strict=True))

    async def _family(self, name: str, type_: Type) -> Records | Failed:
        try:
            found = await self._ask(name, type_, self._spec.server or "")
        except Failed as error:
            return error
        return self._believed(name, type_, found)

    def _believed(self, name: str, type_: Type, found: Records | Failed) -> Records | Failed:
        if isinstance(found, Failed):
            return found
        refused = (why for each in found.records if (why := refusal(each.target, self._spec.server or "")))
        why = next(refused, "")
        return Failed(f"{name} {type_}: {why}") if why else found

    def _endpoints(
        self, found: Records | Failed, srv: Record | None = None, priority: int = 0, weight: int = 1
    ) -> Part:
        if isinstance(found, Failed):
            return found
        port = srv.port if srv else self._spec.port or 0
        labels = dict(self._spec.labels)
        addresses = sorted(record.target for record in found.records)
        return tuple(
            Discovered(self._name, address, port, labels, weight, priority=priority) for address in addresses
        )

    def _answer(self, parts: Mapping[str, Part], found: Iterable[Records | Failed]) -> Answer:
        answers = [each for each in found if isinstance(each, Records)]
        failures = [each for each in parts.values() if isinstance(each, Failed)]
        if not any(part for part in parts.values() if not isinstance(part, Failed)):
            if failures:
                raise Failed(str(failures[0]))
            reasons = dict.fromkeys(each.why for each in answers if not each.records)
            why = "; ".join(reasons) or f"{self._spec.name}: no address of this family"
            raise Failed(why, _negative(min((each.ttl_s for each in answers), default=0.0)))
        valid = min(max(min(each.ttl_s for each in answers if each.records), SHORTEST_S), LONGEST_S)
        # Of the last fifth of its time a quarter is left for the answer; proxies and controllers do not ask in step.
        again = valid * (0.8 + 0.15 * self._chance())
        return Answer(parts, valid, min(again, PART_AGAIN_S) if failures else again)


def _of_family(addresses: list[str], type_: Type) -> Iterable[Record]:
    version = 4 if type_ == "A" else 6
    return (Record(address) for address in addresses if ipaddress.ip_address(address).version == version)


def _negative(ttl_s: float) -> float:
    return min(max(ttl_s, SHORTEST_S), LONGEST_NEGATIVE_S)


def _weights(records: list[Record]) -> list[int]:
    """RFC 2782: 0 is "a very small chance", not none. Where all are the same, none is needed."""
    if len({record.weight for record in records}) == 1:
        return [1] * len(records)
    return [max(record.weight, 1) for record in records]
