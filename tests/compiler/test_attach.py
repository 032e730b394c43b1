import pytest

from tests.compiler.support import index_of, route, service, traffic
from weft.compiler.attach import Effective, Target, attachments, resolve_backend, routes_at, winners

PORTS = (
    "{ports: [{port: 80, name: http}, {port: 90, name: db, protocol: TCP}, {port: 81}],"
    " subsets: [{name: v2, labels: {v: b}}]}"
)

PARENTS = [
    ("", (80, 81), ""),  # those that speak HTTP, or may
    (", port: 81", (81,), ""),
    (", sectionName: http", (80,), ""),
    (", port: 80, sectionName: http", (80,), ""),
    (", port: 81, sectionName: http", (), "NoMatchingParent"),
    (", port: 82", (), "NoMatchingParent"),
    (", port: 90", (), "UnsupportedProtocol"),
]


@pytest.mark.parametrize(("more", "ports", "reason"), PARENTS)
def test_a_route_is_attached_to_ports(more, ports, reason):
    index = index_of(service("a", PORTS), route("r", "{}", more=more))
    (found,) = attachments(index, index.route(route("r", "{}").ref))
    assert (found.ports, found.reason) == (ports, reason)


def test_a_service_that_is_not_there_has_no_routes():
    index = index_of(route("r", "{}"))
    (found,) = attachments(index, index.route(route("r", "{}").ref))
    assert (found.ports, found.reason) == ((), "NoMatchingParent")


def test_producer_and_consumer_routes_are_kept_apart():
    a = service("a")
    index = index_of(a, route("one", "{}"), route("two", "{}"), route("own", "{}", namespace="shop"))
    found = routes_at(index, a, 80)
    assert {client: [r.name for r in refs] for client, refs in found.items()} == {"*": ["one", "two"], "shop": ["own"]}


BACKENDS = [
    ("{name: a, port: 80}", "default/a:80", ""),
    ("{name: a, port: 80, subset: v2}", "default/a:80[v2]", ""),
    ("{name: b, namespace: shop, port: 80}", "shop/b:80", ""),  # no ReferenceGrant asked for
    ("{name: b, port: 80}", "", "BackendNotFound"),
    ("{name: a, port: 82}", "", "BackendNotFound"),
    ("{name: a, port: 80, subset: v3}", "", "BackendNotFound"),
    ("{name: a, port: 90}", "", "UnsupportedProtocol"),
]


@pytest.mark.parametrize(("backend", "key", "reason"), BACKENDS)
def test_a_backend_is_a_key_or_a_reason(backend, key, reason):
    resource = route("r", f"{{backendRefs: [{backend}]}}")
    index = index_of(service("a", PORTS), service("b", namespace="shop"), resource)
    found = resolve_backend(index, resource, resource.spec.rules[0].backend_refs[0])
    assert (found.key, found.reason) == (key, reason)


def blocks(*policies, port=80, subset=""):
    a = service("a", PORTS)
    effective = Effective(index_of(a, *policies), a, port, subset)
    retry = effective.block("retry")
    return retry and retry.attempts, sorted(r.name for r in effective.origins)


def retry(name, attempts, more=""):
    return traffic(name, f"retry: {{attempts: {attempts}}}", more=more)


def balancer(name, kind, more=""):
    return traffic(name, f"balancer: {{kind: {kind}}}", more=more)


def test_the_more_specific_policy_wins_block_by_block():
    assert blocks() == (None, [])
    assert blocks(retry("all", 1)) == (1, ["all"])
    assert blocks(retry("all", 1), retry("one", 2, ", port: 80")) == (2, ["one"])
    assert blocks(retry("all", 1), retry("other", 2, ", port: 81")) == (1, ["all"])
    assert blocks(retry("all", 1), retry("named", 2, ", sectionName: http")) == (2, ["named"])
    # A port's policy that says nothing about retries leaves the service's.
    assert blocks(retry("all", 1), balancer("one", "random", ", port: 80")) == (1, ["all"])


def test_a_subsets_policy_is_the_most_specific():
    a = service("a", PORTS)
    policies = [
        balancer("all", "random"),
        balancer("port", "round-robin", ", port: 80"),
        balancer("subset", "least-request", ", subset: v2"),
        balancer("both", "peak-ewma", ", subset: v2, port: 80"),
    ]
    found = [
        Effective(index_of(a, *policies[:n]), a, 80, subset).block("balancer").kind
        for n, subset in ((1, "v2"), (2, "v2"), (3, "v2"), (4, "v2"), (4, ""), (4, "v1"))
    ]
    assert found == ["random", "round-robin", "least-request", "peak-ewma", "round-robin", "round-robin"]


def test_of_two_policies_on_one_target_the_oldest_holds():
    a = service("a", PORTS)
    index = index_of(a, retry("z-first", 1), retry("a-second", 2), retry("port", 3, ", port: 80"))
    assert {t: r.name for t, r in winners(index, a).items()} == {Target(): "z-first", Target("", 80): "port"}
