import pytest

from tests.compiler.support import compiled, message, service, traffic

SUBSETS = "{ports: [{port: 80}, {port: 81}], subsets: [{name: v1, labels: {v: a}}, {name: v2, labels: {v: b}}]}"


def backend(*policies, key="default/a:80"):
    return message(compiled(service("a", SUBSETS), *policies), "Backend", key)


def test_each_port_and_subset_is_a_backend():
    found = {key for kind, key in compiled(service("a", SUBSETS)).delivered if kind == "Backend"}
    assert found == {f"default/a:{port}{subset}" for port in (80, 81) for subset in ("", "[v1]", "[v2]")}


def test_untouched_it_has_the_documented_defaults():
    found = backend()
    assert (found.balancer.peak_ewma.decay_ms, found.balancer.peak_ewma.default_rtt_us) == (10_000, 30_000)
    assert (found.connect_timeout_ms, found.idle_timeout_ms) == (5_000, 3_600_000)
    outlier, budget = found.outlier, found.retry_budget
    assert (outlier.consecutive_failures, outlier.success_rate, outlier.min_requests) == (5, 80, 5)
    assert (outlier.max_ejected, outlier.panic_threshold, outlier.disabled) == (50, 50, False)
    assert (budget.percent, budget.min_per_second, budget.window_ms) == (20, 10, 10_000)
    assert (found.service, found.port, found.subset, found.origin) == ("default/a", 80, "", "Service/default/a")


@pytest.mark.parametrize(
    ("kind", "field"), [("round-robin", "round_robin"), ("random", "random"), ("least-request", "least_request")]
)
def test_a_balancer_is_chosen_and_required(kind, field):
    found = backend(traffic("t", f"balancer: {{kind: {kind}}}"))
    assert found.balancer.WhichOneof("kind") == field
    assert f"balance.{kind}" in found.requires
    assert found.origin == "TrafficPolicy/default/t"


def test_a_policy_says_what_it_says():
    text = (
        "timeouts: {connect: 1s, idle: 1m}, retryBudget: {percent: 5}, balancer: {decay: 1s, defaultRtt: 5ms},"
        "outlierDetection: {disabled: true, maxEjectedPercent: 10}"
    )
    found = backend(traffic("t", text))
    assert (found.connect_timeout_ms, found.idle_timeout_ms, found.retry_budget.percent) == (1_000, 60_000, 5)
    assert (found.balancer.peak_ewma.decay_ms, found.balancer.peak_ewma.default_rtt_us) == (1_000, 5_000)
    assert (found.outlier.disabled, found.outlier.max_ejected) == (True, 10)


def test_a_subset_may_have_its_own():
    policy = traffic("t", "balancer: {kind: random}", more=", subset: v2, port: 80")
    assert backend(policy, key="default/a:80[v2]").balancer.random
    assert not backend(policy, key="default/a:80[v1]").balancer.random
    assert not backend(policy, key="default/a:81[v2]").balancer.random
