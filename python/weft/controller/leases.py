"""Who is registered, and for how long: leases, without sockets, with time as an argument (monotonic seconds).

    attached ── stream lost ──► unknown ── 30 s ──► unhealthy ── 5 min ──► removed
        ▲                          │                    │
        └──────── attached again ──┴────────────────────┘

What was unhealthy stays so when its stream is lost: losing sight of it is no good news. What said that it drains is
removed with its stream: it left. After a restart of the controller every lease counts as just lost, so that a restart
empties nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from weft.compiler.model import Health, WorkloadInfo

# A proxy's restart takes a second, a machine's reboot a minute or two.
UNHEALTHY_AFTER_S: Final = 30.0
REMOVED_AFTER_S: Final = 300.0
# More than a thousand proxies on one controller is the plan; a hundred thousand is a fault.
MAX_WORKLOADS = 100_000


@dataclass(frozen=True, slots=True)
class Attached:
    """What one proxy says of its workload on one stream."""

    info: WorkloadInfo
    epoch: int = 0
    health_reason: str = ""
    admin: str = ""
    # The peer's IP address as the controller sees it; "" is this machine.
    peer: str = ""
    proxy_version: str = ""
    service_account: str = ""
    # Unix seconds; 0: no certificate.
    certificate_not_after: float = 0.0
    # How far its clock was ahead of ours when it said this; None: it did not say.
    clock_ahead_s: float | None = None


@dataclass(slots=True)
class Lease:
    """One workload. Several processes of its proxy may be attached at once, while one takes over from the other."""

    name: str
    # The last that any process said.
    latest: Attached
    # Live streams, oldest process first; the last one speaks for the workload.
    streams: list[tuple[object, Attached]] = field(default_factory=list)
    # Processes in order of appearance, so that an old one that reconnects does not speak again.
    epochs: list[int] = field(default_factory=list)
    lost_at: float | None = None
    # `expire` has said so.
    told_unhealthy: bool = False

    def health(self, now: float, unhealthy_after: float) -> Health:
        said = self.latest.info.health
        if self.lost_at is None or said in ("unhealthy", "draining"):
            return said
        return "unhealthy" if now - self.lost_at >= unhealthy_after else "unknown"

    def info(self, now: float, unhealthy_after: float) -> WorkloadInfo:
        return replace(self.latest.info, health=self.health(now, unhealthy_after))


class Leases:
    """All leases. Every method that changes one returns the names of the workloads that are now different."""

    def __init__(self, unhealthy_after: float = UNHEALTHY_AFTER_S, removed_after: float = REMOVED_AFTER_S) -> None:
        self.unhealthy_after, self.removed_after = unhealthy_after, removed_after
        self.all: dict[str, Lease] = {}

    def restore(self, found: Iterable[Attached], now: float) -> None:
        """What was registered when the controller stopped."""
        for attached in found:
            name = attached.info.name
            self.all[name] = Lease(name, attached, epochs=[attached.epoch], lost_at=now)

    @property
    def full(self) -> bool:
        return len(self.all) >= MAX_WORKLOADS

    def attach(self, stream: object, attached: Attached) -> set[str]:
        """A proxy says something on its stream: for the first time, or again."""
        lease = self.all.get(attached.info.name)
        if lease is None:
            lease = self.all[attached.info.name] = Lease(attached.info.name, attached)
            before = None
        else:
            before = (lease.latest, lease.lost_at)
        if attached.epoch not in lease.epochs:
            # Two processes take over from each other; a few more are crashes in a row.
            lease.epochs = [*lease.epochs[-7:], attached.epoch]
        lease.streams = [pair for pair in lease.streams if pair[0] is not stream]
        lease.streams.append((stream, attached))
        lease.streams.sort(key=lambda pair: lease.epochs.index(pair[1].epoch) if pair[1].epoch in lease.epochs else -1)
        lease.latest, lease.lost_at, lease.told_unhealthy = lease.streams[-1][1], None, False
        return {lease.name} if before != (lease.latest, None) else set()

    def lose(self, name: str, stream: object, now: float) -> set[str]:
        """A stream ended."""
        lease = self.all.get(name)
        if lease is None or not lease.streams:
            return set()
        spoke = lease.streams[-1][0] is stream
        lease.streams = [pair for pair in lease.streams if pair[0] is not stream]
        if not spoke:
            return set()
        if lease.streams:
            lease.latest = lease.streams[-1][1]
        elif lease.latest.info.health == "draining":
            del self.all[name]
        else:
            lease.lost_at = now
        return {name}

    def expire(self, now: float) -> set[str]:
        """What the passing of time changed since the last call."""
        changed = set()
        for lease in [lease for lease in self.all.values() if lease.lost_at is not None]:
            age = now - (lease.lost_at or 0.0)
            if age >= self.removed_after:
                del self.all[lease.name]
                changed.add(lease.name)
            elif age >= self.unhealthy_after and not lease.told_unhealthy:
                lease.told_unhealthy = True
                changed.add(lease.name)
        return changed

    def next_change(self, now: float) -> float | None:
        """When `expire` will next change something; None: never."""
        ends = []
        for lease in self.all.values():
            if lease.lost_at is not None:
                steps = (lease.lost_at + self.unhealthy_after, lease.lost_at + self.removed_after)
                ends += [step for step in steps if step > now][:1]
        return min(ends, default=None)
