"""When everything that was started is in the mesh: registered, configured, healthy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from weft.run.spec import Spec

if TYPE_CHECKING:
    from weft.client.types import Workload


def waiting(specs: Sequence[Spec], present: Iterable[Workload]) -> dict[str, str]:
    """Workload to what it still waits for; empty: all are ready."""
    found = {workload.name: workload for workload in present}
    reasons = {spec.key: _reason(spec, found) for spec in specs}
    return {key: reason for key, reason in reasons.items() if reason}


def _reason(spec: Spec, found: Mapping[str, Workload]) -> str:
    workload = found.get(spec.key)
    if workload is None or workload.lease != "attached":
        return "has not registered"
    if workload.problems:
        return workload.problems[0]
    if workload.sync.rejected:
        return f"its proxy refused {workload.sync.rejected[0].name}: {workload.sync.rejected[0].reason}"
    if not workload.sync.connected or workload.sync.pending:
        return "waits for its configuration"
    if spec.ports and workload.health != "healthy":
        return f"is {workload.health}" + (f": {workload.health_reason}" if workload.health_reason else "")
    return ""
