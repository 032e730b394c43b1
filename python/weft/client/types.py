"""What the controller answers, as values, by topic. The fields are those of the REST reference (`controller.rest`).

Times are Unix seconds. `dataclasses.asdict` gives the JSON back.
"""

from __future__ import annotations

from weft.client.resources import (
    Applied,
    ChangedRef,
    Condition,
    Missing,
    ObjectStatus,
    Origin,
    PastChange,
    Problem,
    Programmed,
    Result,
    Revision,
    Status,
    StoredResource,
)
from weft.client.running import (
    Endpoint,
    Health,
    Rejection,
    Service,
    ServicePort,
    Sync,
    Workload,
    WorkloadPort,
)
from weft.client.seen import (
    Edge,
    EdgeEnd,
    Event,
    EventPage,
    FailedProxy,
    FoundRecord,
    LoggedRequest,
    RuleHits,
    Signals,
)
from weft.client.trust import (
    Certificates,
    Issued,
    MachineToken,
    Root,
    Token,
    TokenInfo,
)

__all__ = [
    "Applied",
    "Certificates",
    "ChangedRef",
    "Condition",
    "Edge",
    "EdgeEnd",
    "Endpoint",
    "Event",
    "EventPage",
    "FailedProxy",
    "FoundRecord",
    "Health",
    "Issued",
    "LoggedRequest",
    "MachineToken",
    "Missing",
    "ObjectStatus",
    "Origin",
    "PastChange",
    "Problem",
    "Programmed",
    "Rejection",
    "Result",
    "Revision",
    "Root",
    "RuleHits",
    "Service",
    "ServicePort",
    "Signals",
    "Status",
    "StoredResource",
    "Sync",
    "Token",
    "TokenInfo",
    "Workload",
    "WorkloadPort",
]
