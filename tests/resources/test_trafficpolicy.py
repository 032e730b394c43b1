import pytest

from tests.resources.support import complaints, one

TARGET = "targetRefs: [{kind: Service, name: a}]"


def test_untouched_blocks_stay_unset_so_that_a_wider_policy_can_fill_them():
    spec = one("TrafficPolicy", f"{{{TARGET}}}").spec
    blocks = (spec.timeouts, spec.retry, spec.retry_budget, spec.balancer, spec.outlier_detection, spec.split)
    assert blocks == (None,) * 6


def test_a_block_that_is_written_has_the_documented_defaults():
    written = f"{{{TARGET}, retry: {{}}, retryBudget: {{}}, balancer: {{}}, outlierDetection: {{}}}}"
    spec = one("TrafficPolicy", written).spec
    assert (spec.retry.attempts, spec.retry.backoff.base, spec.retry.backoff.max) == (2, 25, 250)
    assert spec.retry.body_bytes == 64 * 1024
    budget = spec.retry_budget
    assert (budget.percent, budget.min_per_second, budget.window) == (20, 10, 10_000)
    assert spec.balancer.kind == "peak-ewma"
    outlier = spec.outlier_detection
    assert (outlier.consecutive_failures, outlier.success_rate, outlier.window, outlier.min_requests) == (
        5,
        80,
        10_000,
        5,
    )
    assert (outlier.base_ejection, outlier.max_ejection) == (5_000, 300_000)
    assert (outlier.max_ejected_percent, outlier.panic_threshold) == (50, 50)


WRONG = {
    "no target": ("{targetRefs: []}", "at least 1"),
    "another kind": ("{targetRefs: [{kind: Gateway, name: a}]}", "known here: Service"),
    "somebody else's service": ("{targetRefs: [{name: a, namespace: b}]}", 'unknown field "namespace"'),
    "a try longer than all": (f"{{{TARGET}, timeouts: {{request: 1s, backendRequest: 2s}}}}", "longer than request"),
    "a connect for ever": (f"{{{TARGET}, timeouts: {{connect: 0s}}}}", "0 is no time"),
    "a budget of no window": (f"{{{TARGET}, retryBudget: {{window: 0s}}}}", "less than 1000"),
    "no failures at all": (f"{{{TARGET}, outlierDetection: {{consecutiveFailures: 0}}}}", "less than 1"),
    "no time out": (f"{{{TARGET}, outlierDetection: {{baseEjection: 0s}}}}", "0 is no time"),
    "an unknown condition": (f"{{{TARGET}, retry: {{retryOn: [resets]}}}}", 'did you mean "reset"?'),
    "a cap below the base": (f"{{{TARGET}, retry: {{backoff: {{base: 1s, max: 1ms}}}}}}", "at most max"),
    "twenty-one tries": (f"{{{TARGET}, retry: {{attempts: 21}}}}", "more than 20"),
    "an unknown balancer": (f"{{{TARGET}, balancer: {{kind: ewma}}}}", 'did you mean "peak-ewma"?'),
    "decay of dice": (f"{{{TARGET}, balancer: {{kind: random, decay: 1s}}}}", "belong to peak-ewma"),
    "120 percent": (f"{{{TARGET}, outlierDetection: {{successRate: 120}}}}", "more than 100"),
    "sticky by nothing": (f"{{{TARGET}, split: {{sticky: {{}}}}}}", "sticky by a header or by a cookie"),
    "sticky by two things": (
        f"{{{TARGET}, split: {{sticky: {{header: x, cookie: {{name: x}}}}}}}}",
        "sticky by a header or by a cookie",
    ),
    "sticky by all cookies": (f"{{{TARGET}, split: {{sticky: {{header: Cookie}}}}}}", "sticky: {cookie: {name: …}}"),
    "sticky by what is weft's": (f"{{{TARGET}, split: {{sticky: {{header: weft-principal}}}}}}", "no caller can send"),
    "a cookie of two names": (f"{{{TARGET}, split: {{sticky: {{cookie: {{name: a=b}}}}}}}}", "the name of a cookie"),
    "a cookie for no time": (
        f"{{{TARGET}, split: {{sticky: {{cookie: {{name: a, ttl: 0s}}}}}}}}",
        "leave it out",
    ),
    "a split of nothing": (f"{{{TARGET}, split: {{}}}}", "sticky"),
    "a split of a subset": (
        "{targetRefs: [{name: a, subset: v2}], split: {sticky: {header: x}}}",
        "not to a subset",
    ),
    "a retry on a subset": ("{targetRefs: [{name: a, subset: v2}], retry: {}}", "not to a subset"),
    "a request timeout on a subset": (
        "{targetRefs: [{name: a, subset: v2}], timeouts: {request: 1s}}",
        "not to a subset",
    ),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused(text, says):
    found = complaints("TrafficPolicy", text)
    assert len(found) == 1, found
    assert says in found[0]


def test_a_subset_takes_what_is_decided_after_it_was_chosen():
    spec = "{targetRefs: [{name: a, subset: v2}], timeouts: {connect: 1s, idle: 1m}, balancer: {kind: random}}"
    assert complaints("TrafficPolicy", spec) == []
