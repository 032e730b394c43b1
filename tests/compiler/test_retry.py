from tests.compiler.support import route, traffic
from weft.compiler.retry import route_retry, traffic_retry


def of_route(text):
    return route_retry(route("r", f"{{retry: {text}}}").spec.rules[0].retry)


def of_traffic(text):
    return traffic_retry(traffic("t", f"retry: {text}").spec.retry)


def test_a_routes_stanza_also_means_connection_errors():
    retry = of_route("{codes: [503, 502, 503]}")
    assert list(retry.on) == ["connect-failure", "reset", "timeout"]
    assert list(retry.status_codes) == [502, 503]
    assert (retry.attempts, list(retry.methods)) == (2, [])


def test_a_base_has_ten_times_itself_as_cap():
    assert (of_route("{backoff: 500ms}").backoff_base_ms, of_route("{backoff: 500ms}").backoff_max_ms) == (500, 5_000)
    assert (of_route("{backoff: 1ms}").backoff_base_ms, of_route("{backoff: 1ms}").backoff_max_ms) == (1, 250)
    assert (of_route("{}").backoff_base_ms, of_route("{}").backoff_max_ms) == (25, 250)


def test_no_attempts_are_none():
    assert of_route("{attempts: 0}").attempts == 0
    assert of_traffic("{attempts: 0}").attempts == 0


def test_a_policy_asks_for_nothing_by_itself():
    retry = of_traffic("{}")
    assert not (retry.on or retry.status_codes or retry.grpc_statuses or retry.methods or retry.per_try_timeout_ms)
    assert (retry.attempts, retry.body_bytes, retry.retry_after_max_ms) == (2, 65_536, 1_000)


def test_order_and_repetition_change_nothing():
    first = of_traffic("{retryOn: [reset, 5xx], codes: [503, 500], grpcStatuses: [14, 8], methods: [PUT, GET]}")
    second = of_traffic("{retryOn: [5xx, reset, 5xx], codes: [500, 503], grpcStatuses: [8, 14], methods: [GET, PUT]}")
    assert first == second
