import pytest

from tests.resources.support import one
from weft.resources.opaque import covered_ports, unseen

MIXED = "{ports: [{port: 80, name: http}, {port: 90, protocol: TCP}, {port: 70}]}"

CASES = [
    # policy, service, rule → port
    ("{rules: [{to: [{methods: [GET]}]}]}", MIXED, [(0, 90)]),
    ("{rules: [{}, {to: [{methods: [GET]}]}]}", MIXED, [(1, 90)]),
    ("{rules: [{to: [{methods: [GET], ports: [80]}]}]}", MIXED, []),
    ("{rules: [{to: [{methods: [GET], notPorts: [90]}]}]}", MIXED, []),
    ("{rules: [{to: [{ports: [90]}]}]}", MIXED, []),
    ("{targetRefs: [{name: x, port: 80}], rules: [{to: [{methods: [GET]}]}]}", MIXED, []),
    ("{targetRefs: [{name: x}], rules: [{to: [{methods: [GET]}]}]}", MIXED, [(0, 90)]),
    ("{targetRefs: [{name: y}], rules: [{to: [{methods: [GET]}]}]}", MIXED, []),
    ("{selector: {labels: {a: b}}, rules: [{to: [{methods: [GET]}]}]}", MIXED, []),
    # Detected ports may turn out to be HTTP.
    ("{rules: [{to: [{methods: [GET]}]}]}", "{ports: [{port: 80}]}", []),
]


@pytest.mark.parametrize(("policy", "service", "found"), CASES)
def test_an_http_field_on_an_opaque_port_is_found(policy, service, found):
    pairs = unseen(one("AccessPolicy", policy), one("Service", service))
    assert [(u.rule, u.port.port) for u in pairs] == found


def test_it_is_told_in_one_sentence():
    (found,) = unseen(one("AccessPolicy", "{rules: [{to: [{methods: [GET], hosts: [a]}]}]}"), one("Service", MIXED))
    assert str(found) == "hosts, methods cannot be seen on port 90 of Service default/x, which speaks TCP"


def test_another_namespace_is_not_covered():
    policy = one("AccessPolicy", "{rules: [{}]}", namespace="other")
    assert covered_ports(policy, one("Service", MIXED)) == ()
