import pytest

from tests.compiler.support import access, compiled, service, workload
from weft.ask.core import Request
from weft.ask.inbound import inbound
from weft.ask.parties import caller

PORTS = "{ports: [{port: 80, name: http}, {port: 81, name: http-strict, tls: strict}, {port: 90, protocol: TCP}]}"
ALLOW = access("p", "{rules: [{from: [{services: [b]}], to: [{methods: [GET], ports: [80, 90]}]}]}")


def ask(source, port=80, method="GET", policies=(ALLOW,)):
    result = compiled(service("a", PORTS), workload("x"), *policies)
    delivered = result.delivered["Inbound", "default/x"]
    return inbound(result, delivered, port, caller(result, source), Request(method), "127.0.0.1")


CASES = [
    ("default/b", 80, "GET", 0, "", ["accept", "authenticate", "authorise", "deliver"]),
    ("default/b", 80, "PUT", 403, "access-denied", ["accept", "authenticate", "authorise"]),
    ("", 80, "GET", 403, "access-denied", ["accept", "authenticate", "authorise"]),
    ("", 81, "GET", 403, "mtls-required", ["accept"]),
    ("default/b", 82, "GET", 502, "no-port", ["accept"]),
    # Nobody sees a method on an opaque port, so the Allow that asks for one does not hold.
    ("default/b", 90, "GET", 403, "access-denied", ["accept", "authenticate", "authorise"]),
]


@pytest.mark.parametrize(("source", "port", "method", "status", "reason", "tables"), CASES)
def test_the_callees_proxy_decides(source, port, method, status, reason, tables):
    steps, end = ask(source, port, method)
    assert ([s.table for s in steps], end.status, end.reason) == (tables, status, reason)


def test_an_audit_rule_is_told_beside_the_decision():
    watch = access("w", "{audit: true, action: Deny, rules: [{}]}")
    steps, end = ask("default/b", policies=(watch,))
    assert end.status == 0
    assert steps[2].decision == "allow (audit only: AccessPolicy/default/w/0 would deny)"
