import pytest

from tests.compiler.support import access, compiled, mesh, route, service, traffic, workload
from weft.compiler import enforced, full_status

METHOD = "{matches: [{method: GET}], backendRefs: [{name: a, port: 80}]}"
OLD = frozenset({"route.split"})
STRICT = "{ports: [{port: 80}], mtls: {mode: strict}}"
RULE = "{targetRefs: [{name: a}], rules: [{from: [{namespaces: [x]}]}]}"

CASES = {
    "all callers have proxies": (route("r", METHOD), [service("a"), workload("c", of="b")], "True Enforced", ""),
    "a caller without": (
        route("r", METHOD),
        [service("a"), workload("c", of="b", account="")],
        "Partial CallersNotCovered",
        "default/c",
    ),
    "who does not get in does not count": (
        route("r", METHOD),
        [service("a", STRICT), workload("c", of="b", account="")],
        "True Enforced",
        "",
    ),
    "an older caller": (
        route("r", METHOD),
        [service("a"), workload("c", of="b", capabilities=OLD)],
        "Partial CallersNotCovered",
        "default/c",
    ),
    "a consumer route counts its own namespace": (
        route("r", METHOD, namespace="shop"),
        [service("a"), workload("c", of="b", account=""), workload("d", of="b", account="", namespace="shop")],
        "Partial CallersNotCovered",
        "shop/d",
    ),
    "a traffic policy": (
        traffic("t", "balancer: {kind: random}"),
        [service("a"), workload("c", of="b", account="")],
        "Partial CallersNotCovered",
        "default/c",
    ),
    "a rule that its proxies know": (access("p", RULE), [service("a"), workload("x")], "True Enforced", ""),
    "a rule without proxy": (
        access("p", RULE),
        [service("a"), workload("x", account=""), workload("y")],
        "Partial WorkloadsNotAdmitted",
        "default/x",
    ),
    "a rule that a proxy does not know": (
        access("p", RULE),
        [service("a"), workload("x", capabilities=OLD)],
        "Partial WorkloadsNotAdmitted",
        "default/x",
    ),
}


@pytest.mark.parametrize(("resource", "others", "expected", "named"), CASES.values(), ids=CASES)
def test_who_is_not_covered_is_named(resource, others, expected, named):
    condition = enforced(compiled(resource, *others), resource.ref)
    assert f"{condition.status} {condition.reason}" == expected
    assert condition.message.endswith(named)


def test_what_nobody_enforces_has_no_such_condition():
    result = compiled(service("a"), mesh("{}"))
    assert enforced(result, service("a").ref) is None
    assert enforced(result, route("r", "{}").ref) is None


def test_the_full_status_has_it_beside_the_others():
    resource = route("r", METHOD)
    result = compiled(service("a"), resource)
    assert [c.type for c in full_status(result, resource.ref).conditions] == ["Accepted", "ResolvedRefs", "Enforced"]
    assert full_status(result, service("b").ref) is None
