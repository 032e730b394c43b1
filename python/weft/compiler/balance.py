"""Table `balance`: the backends of a service, one per port and subset."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler import timeouts
from weft.compiler.attach import Effective
from weft.compiler.index import Index, ServiceName
from weft.compiler.make import deliver
from weft.compiler.model import Delivered, Key, backend_key
from weft.compiler.requires import of_backend
from weft.compiler.resolve import PROTOCOLS
from weft.resources.service import Service, ServicePort
from weft.resources.trafficpolicy import Balancer, OutlierDetection, RetryBudget
from weft.v1 import program_pb2 as pb

# Linkerd's figures: a peak is forgotten within 10 s, and a new endpoint is thought to be neither fast nor slow.
EWMA_DECAY_MS = 10_000
EWMA_DEFAULT_RTT_MS = 30

# The defaults of a service without policy are those of a policy that says nothing.
_BALANCER, _OUTLIER, _BUDGET = Balancer(), OutlierDetection(), RetryBudget()


def backends(index: Index, name: ServiceName) -> Iterator[Delivered]:
    service = index.services.get(name)
    if service is None:
        return
    for port in service.spec.ports:
        for subset in ("", *(s.name for s in service.spec.subsets)):
            yield _backend(index, service, port, subset)


def _backend(index: Index, service: Service, port: ServicePort, subset: str) -> Delivered:
    policy = Effective(index, service, port, subset)
    times = policy.block("timeouts")
    message = pb.Backend(
        name=backend_key(service.full_name, port.port, subset),
        protocol=PROTOCOLS[port.speaks],
        balancer=_balancer(policy.block("balancer") or _BALANCER),
        outlier=_outlier(policy.block("outlier_detection") or _OUTLIER),
        retry_budget=_budget(policy.block("retry_budget") or _BUDGET),
        connect_timeout_ms=timeouts.CONNECT_MS if times is None or times.connect is None else times.connect,
        idle_timeout_ms=timeouts.IDLE_MS if times is None or times.idle is None else times.idle,
        port=port.port,
        service=service.full_name,
        subset=subset,
    )
    # The policy that shaped it, so that an ejection can be traced to who asked for it; else the service.
    message.origin = str(min(policy.origins, key=index.age)) if policy.origins else str(service.ref)
    message.requires.extend(of_backend(message))
    needs: Key = ("Endpoints", message.name)
    return deliver("Backend", message, (needs,), message.requires, {service.ref, *policy.origins})


def _balancer(balancer: Balancer) -> pb.Balancer:
    if balancer.kind == "peak-ewma":
        decay = EWMA_DECAY_MS if balancer.decay is None else balancer.decay
        rtt = EWMA_DEFAULT_RTT_MS if balancer.default_rtt is None else balancer.default_rtt
        return pb.Balancer(peak_ewma=pb.PeakEwma(decay_ms=decay, default_rtt_us=rtt * 1_000))
    return pb.Balancer(
        round_robin=balancer.kind == "round-robin" or None,
        random=balancer.kind == "random" or None,
        least_request=balancer.kind == "least-request" or None,
    )


def _outlier(rules: OutlierDetection) -> pb.Outlier:
    return pb.Outlier(
        disabled=rules.disabled,
        consecutive_failures=rules.consecutive_failures,
        success_rate=rules.success_rate,
        window_ms=rules.window,
        min_requests=rules.min_requests,
        base_ejection_ms=rules.base_ejection,
        max_ejection_ms=rules.max_ejection,
        max_ejected=rules.max_ejected_percent,
        panic_threshold=rules.panic_threshold,
    )


def _budget(budget: RetryBudget) -> pb.RetryBudget:
    return pb.RetryBudget(percent=budget.percent, min_per_second=budget.min_per_second, window_ms=budget.window)
