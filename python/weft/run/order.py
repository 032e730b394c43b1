"""Who starts when: after what it depends on. Who stops first: whoever calls, before whom it calls, so that no request
finds its callee gone; and whoever depends, before what it depends on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from graphlib import TopologicalSorter

from weft.run.spec import Spec

# Compose's word; everything else that a workload may wait for is true once the other one was started.
HEALTHY = "service_healthy"


def startable(specs: Iterable[Spec], started: Set[str], unready: Set[str]) -> list[Spec]:
    """Of `specs`, whoever waits for nothing any more. `started`, `unready`: names of workloads."""
    return [
        spec
        for spec in specs
        if all(name in started and (how != HEALTHY or name not in unready) for name, how in spec.after.items())
    ]


def start_order(specs: Sequence[Spec]) -> list[Spec]:
    """One by one, each after what it depends on."""
    known = {spec.name: spec for spec in specs}
    graph = {spec.name: [name for name in spec.after if name in known] for spec in specs}
    return [known[name] for name in TopologicalSorter(graph).static_order()]


def stop_order(specs: Sequence[Spec]) -> list[list[Spec]]:
    """Groups, each of which may stop together. A ring of callers is one group."""
    left = list(specs)
    groups: list[list[Spec]] = []
    while left:
        called = {service for spec in left for service in _callees(spec)}
        needed = {name for spec in left for name in spec.after}
        free = [
            spec for spec in left if (spec.service not in called or not spec.service) and spec.name not in needed
        ]
        group = free or left
        groups.append(group)
        left = [spec for spec in left if spec not in group]
    return groups


def _callees(spec: Spec) -> Iterable[str]:
    """Its own service does not count: replicas that call each other stop together."""
    targets = [*spec.calls, *spec.publish.values()]
    return (target.service for target in targets if target.service != spec.service)
