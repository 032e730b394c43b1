"""Timeouts: the route's, else the policy's, else the mesh's (which a missing message stands for)."""

from __future__ import annotations

from weft.resources.httproute import Timeouts
from weft.resources.service import ServicePort
from weft.resources.trafficpolicy import TrafficTimeouts
from weft.v1 import program_pb2 as pb

# No total timeout: the 15 s of Envoy and Kuma break downloads, streams and long polls.
REQUEST_MS = 0
# Envoy's figure for a silent stream.
STREAM_IDLE_MS = 300_000
# A gRPC stream may well be silent for minutes: a watch is.
GRPC_STREAM_IDLE_MS = 3_600_000
# A host that does not answer in 5 s is not worth a caller's wait.
CONNECT_MS = 5_000
# Of a connection without any stream.
IDLE_MS = 3_600_000

_NO_RULE, _NO_POLICY = Timeouts(), TrafficTimeouts()


def mesh_timeouts() -> pb.Timeouts:
    return pb.Timeouts(request_ms=REQUEST_MS, backend_request_ms=0, stream_idle_ms=STREAM_IDLE_MS)


def request_timeouts(rule: Timeouts | None, policy: TrafficTimeouts | None, port: ServicePort) -> pb.Timeouts | None:
    """None: nothing but the mesh's."""
    rule, policy = rule or _NO_RULE, policy or _NO_POLICY
    request = _first(rule.request, policy.request)
    backend = _first(rule.backend_request, policy.backend_request)
    idle = _first(policy.stream_idle, GRPC_STREAM_IDLE_MS if port.speaks == "GRPC" else None)
    if (request, backend, idle) == (None, None, None):
        return None
    request = REQUEST_MS if request is None else request
    backend = backend or 0
    # A rule's request timeout may be shorter than the policy's for one try.
    return pb.Timeouts(
        request_ms=request,
        backend_request_ms=min(backend, request) if request and backend else backend,
        stream_idle_ms=STREAM_IDLE_MS if idle is None else idle,
    )


def _first(*values: int | None) -> int | None:
    return next((v for v in values if v is not None), None)
