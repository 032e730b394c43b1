"""Who stops first: whoever calls stops before whom it calls, so that no request finds its callee gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weft.run.spec import Spec


def stop_order(specs: Sequence[Spec]) -> list[list[Spec]]:
    """Groups, each of which may stop together. A ring of callers is one group."""
    left = list(specs)
    groups: list[list[Spec]] = []
    while left:
        called = {service for spec in left for service in _callees(spec)}
        free = [spec for spec in left if spec.service not in called or not spec.service]
        group = free or left
        groups.append(group)
        left = [spec for spec in left if spec not in group]
    return groups


def _callees(spec: Spec) -> Iterable[str]:
    """Its own service does not count: replicas that call each other stop together."""
    targets = [*spec.calls, *spec.publish.values()]
    return (target.service for target in targets if target.service != spec.service)
