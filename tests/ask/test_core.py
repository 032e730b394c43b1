import pytest

from tests.compiler.support import access, compiled, message, route, service, workload
from weft.ask import core
from weft.ask.core import Request
from weft.v1 import program_pb2 as pb

A = service("a", "{ports: [{port: 80, name: http}], mtls: {mode: strict}}")
ME = "spiffe://weft.local/ns/default/sa/me"


def frontend(*rules):
    return message(compiled(A, route("r", ", ".join(rules))), "Frontend", "default/a:80@*")


def inbound(*policies):
    return message(compiled(A, workload("x"), *policies), "Inbound", "default/x")


FORWARD = "{matches: [{path: {value: /f}}], backendRefs: [{name: a, port: 80, weight: 3}, {name: gone, port: 80}]}"
AWAY = "{matches: [{path: {value: /a}}], filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}"


def test_a_route_is_an_answer_or_a_place():
    asked = frontend(FORWARD, AWAY)
    assert core.route(asked, Request(path="/f"), seed=1).kind in ("forward", "invalid-backend")
    away = core.route(asked, Request(path="/a?b", host="h"))
    assert (away.kind, away.status, away.location) == ("redirect", 302, "https://h/a?b")
    nowhere = core.route(asked, Request(path="/x"))
    assert (nowhere.kind, nowhere.status, nowhere.reason, nowhere.rule_id) == ("no-route", 404, "no-route", "")


def test_a_name_is_resolved_as_a_proxy_would():
    held = [frontend(FORWARD)]
    assert core.resolve(held, ["mesh"], "A.default.mesh:80") == "default/a:80@*"
    assert core.resolve(held, ["mesh"], "b.default.mesh") == "ask default/b:80"
    assert core.resolve(held, ["mesh"], "a:81") == "no-port"
    assert core.resolve([], ["mesh"], "example.com") == "unknown"


def test_a_split_gives_each_its_share():
    counts = core.split(frontend(FORWARD), "HTTPRoute/default/r/0", 4_000)
    assert counts["default/a:80"] == pytest.approx(3_000, rel=0.1)
    assert sum(counts.values()) == 4_000


def test_candidates_are_those_of_the_balancer():
    endpoints = pb.Endpoints(name="default/a:80")
    for n, health in enumerate((pb.HEALTH_HEALTHY, pb.HEALTH_UNHEALTHY, pb.HEALTH_DRAINING, pb.HEALTH_UNKNOWN)):
        endpoints.endpoints.add(address="192.0.2.1", port=8080 + n, workload=f"default/a-{n}", health=health)
    backend = pb.Backend(name="default/a:80", port=80)
    assert core.candidates(backend, endpoints) == ([(0, 0.5), (3, 0.5)], False)
    del endpoints.endpoints[3], endpoints.endpoints[0]
    assert core.candidates(backend, endpoints) == ([(0, 1.0)], True)


def test_rules_are_tried_in_order_with_reasons():
    tried = core.explain_route(frontend(FORWARD, AWAY), Request(path="/f/x"))
    assert [t.matched for t in tried] == [False, True][-len(tried) :]
    assert all(t.why for t in tried if not t.matched)


def test_an_access_question_has_a_verdict_and_the_rules_that_led_to_it():
    asked = inbound(
        access("p", "{rules: [{from: [{namespaces: [default]}]}]}"),
        access("q", "{audit: true, action: Deny, rules: [{}]}"),
    )
    allowed = core.authorise(asked, 80, ME, "weft.local", Request(), "127.0.0.1")
    assert (allowed.allow, allowed.rule_id, allowed.reason) == (True, "AccessPolicy/default/p/0", "")
    assert allowed.audited == (("AccessPolicy/default/q/0", "deny"),)
    denied = core.authorise(asked, 80, "", "weft.local", None, "127.0.0.1")
    assert (denied.allow, denied.rule_id, denied.reason) == (False, "AccessPolicy/default/p", "access-denied")
    tried = core.explain_access(asked, 80, ME, "weft.local", Request(), "127.0.0.1")
    assert [(t.rule_id, t.action) for t in tried] == [
        ("AccessPolicy/default/p/0", "allow"),
        ("AccessPolicy/default/q/0", "audit deny"),
    ]


def test_strict_refuses_who_proves_nothing():
    assert core.tls_verdict(inbound(), 80, is_mtls=False) == "mtls-required"
    assert core.tls_verdict(inbound(), 80, is_mtls=True) == ""


@pytest.mark.parametrize(("path", "ambiguous"), [("/a", False), ("/a//b", True), ("/a?b=//", False), ("/a%2fb", True)])
def test_a_path_is_ambiguous_but_not_its_query(path, ambiguous):
    assert core.ambiguous_path(path) is ambiguous


def test_a_reason_has_a_status_and_advice():
    status, text = core.advice("no-route")
    assert status == 404
    assert text.endswith(".")
    assert core.advice("no such") == (0, "")
