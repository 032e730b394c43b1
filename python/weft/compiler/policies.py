"""For each policy the three answers that its users need before an incident.

Which side acts. What happens when the other side is unmeshed, older, or silent. What happens when the acting side
cannot tell: open (the request goes on) or closed (it does not). docs/reference/tables.md is generated from here, and
each row has its vectors in tests/vectors/resources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    # As the vectors name it.
    id: str
    # The kind and field that users write.
    written: str
    side: Literal["caller", "callee"]
    # Of the other side.
    unmeshed: str
    older: str
    silent: str
    uncertain: Literal["open", "closed"]
    why: str


_REFUSES = "the proxy refuses the resource by name and keeps its last good one; status names it"
_LAST_GOOD = "the last good program stays in force, also over a restart"
_NO_CALLER_PROXY = "the call goes to the service as if nothing were written; `Enforced: Partial` names the caller"

POLICIES: tuple[Policy, ...] = (
    Policy(
        "route",
        "HTTPRoute",
        "caller",
        _NO_CALLER_PROXY,
        _REFUSES,
        "a destination never asked for before waits at most 2 s, then 503 `config-pending`; known ones go on",
        "closed",
        "what matches no rule of a service with routes is answered 404, an invalid backend 500, no endpoint 503",
    ),
    Policy(
        "sticky",
        "TrafficPolicy split.sticky",
        "caller",
        _NO_CALLER_PROXY,
        _REFUSES,
        _LAST_GOOD,
        "open",
        "a request without the header or cookie goes to a side by chance",
    ),
    Policy(
        "timeouts",
        "HTTPRoute rules.timeouts, TrafficPolicy timeouts",
        "caller",
        _NO_CALLER_PROXY,
        _REFUSES,
        _LAST_GOOD,
        "open",
        "without a timeout a request may last; the mesh's stream idle timeout ends what is dead",
    ),
    Policy(
        "retry",
        "HTTPRoute rules.retry, TrafficPolicy retry, retryBudget",
        "caller",
        _NO_CALLER_PROXY,
        _REFUSES,
        _LAST_GOOD,
        "closed",
        "what the app may have seen is not sent twice unless asked for",
    ),
    Policy(
        "balance",
        "TrafficPolicy balancer, outlierDetection",
        "caller",
        _NO_CALLER_PROXY,
        _REFUSES,
        _LAST_GOOD,
        "open",
        "below the panic threshold all endpoints are used, and a metric and a header say so",
    ),
    Policy(
        "egress",
        "Mesh egress",
        "caller",
        "not applied: a process without a proxy goes where it likes",
        _REFUSES,
        _LAST_GOOD,
        "closed",
        "with `refuse`, a name that is no service is refused, also one that is merely not known yet",
    ),
    Policy(
        "identities",
        "Service identities",
        "caller",
        "an endpoint without an identity is left out where the service lists identities; else it gets plaintext",
        "as every SVID is: there is nothing that could be older",
        "the identities last delivered are asked for",
        "closed",
        "an endpoint that proves another identity than the one registered gets no request (`identity-mismatch`)",
    ),
    Policy(
        "mtls",
        "Mesh mtls, Service mtls, ports.tls",
        "callee",
        "strict: 403 `mtls-required`, permissive and off: let in without a principal",
        "mTLS 1.3 on both sides: nothing older speaks it",
        _LAST_GOOD,
        "closed",
        "an unknown mode is strict; without its Inbound a proxy lets nobody in",
    ),
    Policy(
        "access",
        "AccessPolicy",
        "callee",
        "a caller without a principal matches no rule that names principals, namespaces or services: no Allow is his",
        "a workload whose proxy lacks what a rule needs is not admitted as an endpoint; status names it",
        _LAST_GOOD,
        "closed",
        "an HTTP field on what is not HTTP: Deny matches, Allow does not; an ambiguous path is answered 400",
    ),
    Policy(
        "audit",
        "AccessPolicy audit",
        "callee",
        "counted as it would have been decided",
        "a workload whose proxy lacks what a rule needs is not admitted as an endpoint; status names it",
        _LAST_GOOD,
        "open",
        "an audit rule decides nothing",
    ),
    Policy(
        "default",
        "Mesh access.default",
        "callee",
        "decided like everybody without a matching rule",
        "every proxy knows it",
        _LAST_GOOD,
        "closed",
        "a missing value denies; one Allow on a workload makes its default deny",
    ),
    Policy(
        "health",
        "Service health",
        "callee",
        "nobody checks an endpoint without a proxy: it counts as healthy until callers eject it",
        "a proxy that lacks the check refuses its Inbound",
        "30 s after its stream is lost a workload is unhealthy, after 5 min it is gone",
        "open",
        "a workload that never reported is used",
    ),
    Policy(
        "discovery",
        "Service discovery",
        "caller",
        "what was found gets plaintext and every rule that steers; it is left out where a rule that protects, strict "
        "or listed identities ask for what it cannot do, and status names it",
        "what has no proxy has none that could be older",
        "a source that is silent, broken or empty: what it named last stays, is marked stale and tried by a connect",
        "open",
        "a stale endpoint that does not answer is left out only while another of them does",
    ),
)
