"""How many of the proxies that need an object have applied it. Worked out when asked: nothing is kept for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.compiler.model import Condition
from weft.controller.slots import Slot
from weft.controller.stream import ProxyStream
from weft.controller.topics import Topic, Topics
from weft.resources.ref import Ref

# Named in one status; the numbers tell of the rest.
MAX_NAMED = 100


@dataclass(frozen=True, slots=True)
class Missing:
    """One proxy that runs something else than it should."""

    workload: str
    # In one word, as the condition's reason: Pending, Rejected, Lacking.
    state: str
    reason: str
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Programmed:
    applied: int = 0
    needed: int = 0
    missing: tuple[Missing, ...] = ()

    def not_compiled(self) -> Condition:
        return Condition("Programmed", "Unknown", "NotCompiled", "this revision is being compiled")

    def condition(self) -> Condition:
        counted = f"{self.applied}/{self.needed} proxies"
        if not self.needed:
            return Condition("Programmed", "True", "NotNeeded", "no connected proxy uses it")
        if self.applied == self.needed:
            return Condition("Programmed", "True", "Programmed", counted)
        states = {one.state for one in self.missing}
        # The worst one: what waits may come by itself.
        reason = next(state for state in ("Rejected", "Lacking", "Pending") if state in states)
        named = ", ".join(one.workload for one in self.missing[:3]) + (", …" if len(self.missing) > 3 else "")
        message = f"{counted}; not yet: {named}"
        return Condition("Programmed", "Partial" if self.applied else "False", reason, message)


def programmed(topics: Topics, ref: Ref) -> Programmed:
    needed: set[str] = set()
    missing: dict[str, Missing] = {}
    for topic in topics.shaped_by(ref):
        for stream, slot in _holders(topic):
            needed.add(stream.node)
            if slot.acked != topic.version:
                missing[stream.node] = _missing(stream.node, topic, slot)
    named = tuple(missing[name] for name in sorted(missing)[:MAX_NAMED])
    return Programmed(len(needed) - len(missing), len(needed), named)


def _holders(topic: Topic) -> Iterable[tuple[ProxyStream, Slot]]:
    for subscriber in topic.subscribers:
        if isinstance(subscriber, ProxyStream):
            slot = subscriber.slots[topic]
            # Somebody else's Inbound, which it was told does not exist.
            refused = topic.kind == "Inbound" and slot.acked == "" and topic.version
            if (slot.wanted or slot.named_by) and not refused:
                yield subscriber, slot


def _missing(workload: str, topic: Topic, slot: Slot) -> Missing:
    if slot.withheld:
        lacking = tuple(sorted(slot.withheld))
        why = f"its proxy lacks {', '.join(lacking)}; it runs the last good {topic}"
        return Missing(workload, "Lacking", why, lacking)
    if slot.rejection is not None:
        return Missing(workload, "Rejected", f"rejected {topic}: {slot.rejection.reason}", slot.rejection.missing)
    return Missing(workload, "Pending", "not applied yet")
