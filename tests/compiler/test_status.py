import pytest

from tests.compiler.support import access, compiled, one, route, service, status, traffic, workload

A = service("a", "{ports: [{port: 80, name: http}, {port: 90, protocol: TCP}], subsets: [{name: v2, labels: {v: b}}]}")
HTTP = "{ports: [{port: 80, name: http}]}"


def two_parents(second):
    parents = f"{{group: '', kind: Service, name: a}}, {{group: '', kind: Service, name: {second}}}"
    return one("HTTPRoute", f"{{parentRefs: [{parents}]}}", "r")


# resource, others, conditions
CASES = {
    "a route": (route("r", "{backendRefs: [{name: a, port: 80}]}"), [A], "True Accepted", "True ResolvedRefs"),
    "a route to nowhere": (route("r", "{}", to="b"), [A], "False NoMatchingParent", "True ResolvedRefs"),
    "a route to a TCP port": (
        route("r", "{}", more=", port: 90"),
        [A],
        "False UnsupportedProtocol",
        "True ResolvedRefs",
    ),
    "one parent of two": (two_parents("b"), [A], "Partial NoMatchingParent", "True ResolvedRefs"),
    "an unknown backend": (
        route("r", "{backendRefs: [{name: b, port: 80, weight: 0}]}"),
        [A],
        "True Accepted",
        "False BackendNotFound",
    ),
    "a policy": (traffic("t", "retry: {}"), [A], "True Accepted", "True ResolvedRefs"),
    "a policy for nobody": (traffic("t", "retry: {}", to="b"), [A], "False TargetNotFound", "False TargetNotFound"),
    "a policy for no port": (
        traffic("t", "retry: {}", more=", port: 81"),
        [A],
        "False TargetNotFound",
        "False TargetNotFound",
    ),
    "a policy for no subset": (
        traffic("t", "balancer: {}", more=", subset: v3"),
        [A],
        "False TargetNotFound",
        "False TargetNotFound",
    ),
    "the younger of two": (
        traffic("young", "retry: {}"),
        [A, traffic("zold", "balancer: {}")],
        "False Conflicted",
        "True ResolvedRefs",
    ),
    "an access policy": (
        access("p", "{targetRefs: [{name: a}], rules: [{}]}"),
        [A],
        "True Accepted",
        "True ResolvedRefs",
    ),
    "an access policy for nobody": (
        access("p", "{targetRefs: [{name: b}]}"),
        [A],
        "True Accepted",
        "False TargetNotFound",
    ),
    "an access policy for no port": (
        access("p", "{targetRefs: [{name: a, port: 81}]}"),
        [A],
        "True Accepted",
        "False TargetNotFound",
    ),
    "a caller that is not declared": (
        access("p", "{rules: [{from: [{services: [b]}]}]}"),
        [A],
        "True Accepted",
        "True AssumedAccounts",
    ),
    "an HTTP field on an opaque port": (
        access("p", "{rules: [{to: [{methods: [GET]}]}]}"),
        [A],
        "False HttpFieldOnOpaquePort",
        "True ResolvedRefs",
    ),
    "a service": (A, [workload("x")], "True Accepted", "True ResolvedRefs"),
    "a service with a stranger": (A, [workload("x", account="b")], "True Accepted", "False RegistrationRefused"),
}


@pytest.mark.parametrize(("resource", "others", "accepted", "resolved"), CASES.values(), ids=CASES)
def test_each_resource_says_what_became_of_it(resource, others, accepted, resolved):
    found = status(compiled(*others, resource), resource)
    assert (found["Accepted"], found["ResolvedRefs"]) == (accepted, resolved)


def test_hostnames_are_told_to_be_ignored():
    resource = one("HTTPRoute", "{hostnames: [x], parentRefs: [{group: '', kind: Service, name: a}]}", "r")
    condition = compiled(A, resource).statuses[resource.ref].condition("Accepted")
    assert (condition.status, "hostnames are ignored" in condition.message) == ("True", True)


def test_a_message_names_five_and_counts_the_rest():
    strangers = [workload(f"x{n}", account="evil") for n in range(8)]
    message = compiled(A, *strangers).statuses[A.ref].condition("ResolvedRefs").message
    assert message.count("proved") == 5
    assert message.endswith("and 3 more")
