"""The compiler: takes a snapshot and a world, keeps what they compile to, and says what each update changed.

Pure in effect: after any sequence of updates it holds what `compile_all` makes of the last snapshot and world. The one
thing that it remembers beyond them is the last good version of an object that has become bad.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from weft.compiler import core
from weft.compiler.balance import backends
from weft.compiler.connect import endpoints
from weft.compiler.deliver import PortSet, inbound, port_set
from weft.compiler.index import Dirty, Index
from weft.compiler.judge import Check, judge
from weft.compiler.mesh import mesh
from weft.compiler.model import (
    Compiled,
    Condition,
    Delivered,
    Delta,
    Key,
    Kind,
    Snapshot,
    Status,
    Stored,
    World,
)
from weft.compiler.resolve import frontends
from weft.compiler.status import status_of
from weft.resources.ref import Ref
from weft.resources.service import Service


def compile_all(snapshot: Snapshot, world: World, check: Check | None = None) -> Compiled:
    """Everything from cold."""
    compiler = Compiler(check)
    compiler.update(snapshot, world)
    return compiler.compiled


class Compiler:
    """Incremental by service: an endpoint change compiles no route, a route change no endpoint."""

    def __init__(self, check: Check | None = None) -> None:
        self._check = core.check if check is None else check
        self._index = Index()
        # As the snapshot has it, also what was refused.
        self._seen: dict[Ref, Stored] = {}
        self._refused: dict[Ref, Condition] = {}
        self._delivered: dict[Key, Delivered] = {}
        self._owned: dict[tuple[Kind, str], frozenset[str]] = {}
        self._by_origin: dict[Ref, set[Key]] = {}
        self._statuses: dict[Ref, Status] = {}
        self._port_sets: dict[str, dict[tuple[Ref, ...], PortSet]] = {}
        self._snapshot = Snapshot()
        self._world = World(trust_domain="")

    @property
    def compiled(self) -> Compiled:
        """A view that follows every update; copy what has to stay."""
        return Compiled(
            self._snapshot.revision,
            self._delivered,
            self._statuses,
            self._snapshot,
            self._world,
            self._by_origin,
            self._index,
        )

    def update(
        self,
        snapshot: Snapshot | None = None,
        world: World | None = None,
        *,
        refs: Iterable[Ref] | None = None,
        workloads: Iterable[str] | None = None,
        discovered: Iterable[str] | None = None,
    ) -> Delta:
        """What changed. `refs`, `workloads` and `discovered` (services) name what differs, where the caller knows it:
        else all is compared."""
        dirty = Dirty()
        if world is not None:
            self._take_world(world, workloads, discovered, dirty)
        if snapshot is not None:
            self._take_snapshot(snapshot, refs, dirty)
        return self._compile(dirty)

    # -------------------------------------------------------------------------------------------------- intake

    def _take_world(
        self, world: World, names: Iterable[str] | None, services: Iterable[str] | None, dirty: Dirty
    ) -> None:
        index = self._index
        if world.trust_domain != index.trust_domain:
            index.trust_domain = world.trust_domain
            index.touch_all(dirty)
        if world.roots != index.roots:
            index.roots, dirty.mesh = world.roots, True
        for name in names if names is not None else {**index.workloads, **world.workloads}:
            new = world.workloads.get(name)
            if new is None:
                index.drop_workload(name, dirty)
            elif new is not (old := index.workloads.get(name)) and new != old:
                index.put_workload(new, dirty)
        for service in services if services is not None else {**index.discovered, **world.discovered}:
            index.set_discovered(service, world.discovered.get(service, ()), dirty)
        self._world = world

    def _take_snapshot(self, snapshot: Snapshot, refs: Iterable[Ref] | None, dirty: Dirty) -> None:
        order = {ref: place for place, ref in enumerate(snapshot.resources)} if refs is None else {}
        for ref in refs if refs is not None else {**self._seen, **snapshot.resources}:
            new = snapshot.resources.get(ref)
            if new is None:
                self._forget(ref, dirty)
            else:
                self._take(ref, new, order.get(ref, 0), dirty)
        self._snapshot = snapshot

    def _forget(self, ref: Ref, dirty: Dirty) -> None:
        self._seen.pop(ref, None)
        self._refused.pop(ref, None)
        self._index.order.pop(ref, None)
        self._index.drop(ref, dirty)
        dirty.statuses.add(ref)

    def _take(self, ref: Ref, new: Stored, place: int, dirty: Dirty) -> None:
        old = self._seen.get(ref)
        # File order only counts among what is not stored yet.
        place = 0 if new.created_at else place
        moved = self._index.order.get(ref, 0) != place
        if new is old and not moved:
            return
        self._seen[ref] = new
        self._index.order[ref] = place
        if old is not None and not moved and _same(old, new):
            if ref not in self._refused:
                self._index.resources[ref] = new  # another line, another revision: the same content
            return
        reason = judge(new, self._check)
        if reason is None:
            self._refused.pop(ref, None)
            self._index.put(ref, new, dirty)
        else:
            self._refuse(ref, new, reason, dirty)

    def _refuse(self, ref: Ref, new: Stored, reason: str, dirty: Dirty) -> None:
        good = self._index.resources.get(ref)
        kept = f"generation {good.generation} stays in force" if good else "nothing of it is in force"
        self._refused[ref] = Condition("Accepted", "False", "Refused", f"{reason}; {kept}")
        dirty.statuses.add(ref)

    # ------------------------------------------------------------------------------------------------- compile

    def _compile(self, dirty: Dirty) -> Delta:
        change = _Change()
        for name in sorted(dirty.endpoints):
            self._index.admissions.pop(name, None)
            # It names who is kept out.
            dirty.statuses.add(Ref("Service", *name.split("/", 1)))
            self._unit("Endpoints", name, endpoints(self._index, name), change)
        for name in sorted(dirty.backends):
            self._unit("Backend", name, backends(self._index, name), change)
        for name in sorted(dirty.frontends):
            self._unit("Frontend", name, frontends(self._index, name), change)
        self._inbounds(dirty, change)
        if dirty.mesh:
            self._unit("Mesh", "", (mesh(self._index),), change)
        statuses = {ref: status for ref in sorted(dirty.statuses) if (status := self._status(ref))}
        return Delta(self._snapshot.revision, change.changed, frozenset(change.removed), statuses)

    def _unit(self, kind: Kind, owner: str, made: Iterable[Delivered], change: _Change) -> None:
        """Replaces what `owner` had of this kind."""
        keys = set()
        for delivered in made:
            keys.add(delivered.key)
            self._replace(delivered, change)
        for key in self._owned.get((kind, owner), frozenset()) - keys:
            self._remove((kind, key), change)
        if keys:
            self._owned[kind, owner] = frozenset(keys)
        else:
            self._owned.pop((kind, owner), None)

    def _replace(self, new: Delivered, change: _Change) -> None:
        key = (new.kind, new.key)
        old = self._delivered.get(key)
        if old is not None and old.version == new.version:
            if old.origins == new.origins:
                return
        else:
            change.changed[key] = new
        self._trace(key, old.origins if old else (), new.origins)
        self._delivered[key] = new

    def _remove(self, key: Key, change: _Change) -> None:
        old = self._delivered.pop(key)
        self._trace(key, old.origins, ())
        change.removed.add(key)

    def _trace(self, key: Key, old: Collection[Ref], new: Collection[Ref]) -> None:
        for ref in old:
            if ref not in new:
                keys = self._by_origin[ref]
                keys.discard(key)
                if not keys:
                    del self._by_origin[ref]
        for ref in new:
            self._by_origin.setdefault(ref, set()).add(key)

    def _inbounds(self, dirty: Dirty, change: _Change) -> None:
        names = set(dirty.workloads)
        for service in dirty.inbounds:
            self._port_sets.pop(service, None)
            names.update(self._index.workloads_of.get(service, ()))
        for name in sorted(names):
            workload = self._index.workloads.get(name)
            if workload is not None:
                self._replace(inbound(self._index, workload, self._ports), change)
            elif ("Inbound", name) in self._delivered:
                self._remove(("Inbound", name), change)

    def _ports(self, service: Service, policies: tuple[Ref, ...]) -> PortSet:
        known = self._port_sets.setdefault(service.full_name, {})
        if policies not in known:
            known[policies] = port_set(self._index, service, policies)
        return known[policies]

    def _status(self, ref: Ref) -> Status | None:
        """The new status where it changed; a resource that is gone has none."""
        if ref not in self._seen:
            self._statuses.pop(ref, None)
            return None
        refused = self._refused.get(ref)
        status = Status(ref, (refused,)) if refused else status_of(self._index, ref)
        if self._statuses.get(ref) == status:
            return None
        self._statuses[ref] = status
        return status


@dataclass
class _Change:
    changed: dict[Key, Delivered] = field(default_factory=dict)
    removed: set[Key] = field(default_factory=set)


def _same(old: Stored, new: Stored) -> bool:
    return old.created_at == new.created_at and old.resource.same_intent(new.resource)
