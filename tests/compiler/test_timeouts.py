import pytest

from tests.compiler.support import route, service, traffic
from weft.compiler.timeouts import mesh_timeouts, request_timeouts

HTTP = service("a").spec.ports[0]
GRPC = service("a", "{ports: [{port: 80, protocol: GRPC}]}").spec.ports[0]

# rule, policy, port → (request, backend request, stream idle) in ms; None: the mesh's
CASES = [
    ("", "", HTTP, None),
    ("", "", GRPC, (0, 0, 3_600_000)),
    ("request: 2s", "", HTTP, (2_000, 0, 300_000)),
    ("", "request: 3s, backendRequest: 1s", HTTP, (3_000, 1_000, 300_000)),
    ("request: 2s", "request: 3s, backendRequest: 1s", HTTP, (2_000, 1_000, 300_000)),
    ("request: 500ms", "request: 3s, backendRequest: 1s", HTTP, (500, 500, 300_000)),
    ("request: 0s", "request: 3s", HTTP, (0, 0, 300_000)),
    ("backendRequest: 0s", "backendRequest: 3s", HTTP, (0, 0, 300_000)),
    ("", "streamIdle: 0s", GRPC, (0, 0, 0)),
    ("", "connect: 1s", HTTP, None),
]


@pytest.mark.parametrize(("rule", "policy", "port", "expected"), CASES)
def test_the_rules_then_the_policys_then_the_meshs(rule, policy, port, expected):
    written = route("r", f"{{timeouts: {{{rule}}}}}").spec.rules[0].timeouts if rule else None
    shared = traffic("t", f"timeouts: {{{policy}}}").spec.timeouts if policy else None
    found = request_timeouts(written, shared, port)
    assert (found and (found.request_ms, found.backend_request_ms, found.stream_idle_ms)) == expected


def test_the_mesh_has_no_total_timeout():
    found = mesh_timeouts()
    assert (found.request_ms, found.backend_request_ms, found.stream_idle_ms) == (0, 0, 300_000)
