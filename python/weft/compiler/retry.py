"""Retry policies: what users ask for beyond what is provably unprocessed, which the proxy does by itself (T6)."""

from __future__ import annotations

from weft.resources.httproute import Retry
from weft.resources.trafficpolicy import TrafficRetry
from weft.v1 import program_pb2 as pb

# GEP-1731 leaves the number to the implementation; ours is the number of silent retries.
ATTEMPTS = 2
# GEP-1731: a `retry` stanza also means connection errors (disconnect, reset, timeout, TCP failure).
ON = ("connect-failure", "reset", "timeout")
_DEFAULT = TrafficRetry()
# What Envoy takes, too, when only a base is given.
_MAX_OVER_BASE = 10


def route_retry(retry: Retry) -> pb.RetryPolicy:
    """Of a route's rule. Only methods that are safe to repeat: the stanza has no field to say otherwise."""
    base = retry.backoff or _DEFAULT.backoff.base
    return pb.RetryPolicy(
        attempts=ATTEMPTS if retry.attempts is None else retry.attempts,
        on=ON,
        status_codes=sorted(set(retry.codes)),
        backoff_base_ms=base,
        backoff_max_ms=max(base * _MAX_OVER_BASE, _DEFAULT.backoff.max),
        retry_after_max_ms=_DEFAULT.retry_after_max,
        body_bytes=_DEFAULT.body_bytes,
    )


def traffic_retry(retry: TrafficRetry) -> pb.RetryPolicy:
    """Of a TrafficPolicy."""
    return pb.RetryPolicy(
        attempts=retry.attempts,
        on=sorted(set(retry.retry_on)),
        status_codes=sorted(set(retry.codes)),
        grpc_statuses=sorted(set(retry.grpc_statuses)),
        methods=sorted(set(retry.methods)),
        per_try_timeout_ms=retry.per_try_timeout or 0,
        backoff_base_ms=retry.backoff.base,
        backoff_max_ms=retry.backoff.max,
        retry_after_max_ms=retry.retry_after_max,
        body_bytes=retry.body_bytes,
    )
