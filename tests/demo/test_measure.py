import pytest

from weft.client.types import Edge, EdgeEnd, Event, Workload
from weft.demo.measure import MeasuredEdge, percent, report
from weft.demo.people import Seen

GATEWAY, SHOP, STORE = EdgeEnd(workload="default/gateway"), EdgeEnd("default/shop"), EdgeEnd("default/store")
WORKLOADS = [
    Workload("default/gateway"),
    Workload("default/shop-0", service="default/shop"),
    Workload("default/store-0", service="default/store"),
]
EDGES = [
    Edge(GATEWAY, SHOP, tls="mtls", requests=10, retries_saved=4, success_rate=0.9, p50_ms=1.23456, p99_ms=2.0),
    Edge(SHOP, STORE, tls="mtls", connections=3, reasons={"access-denied": 2, "timeout": 7}),
    Edge(SHOP, EdgeEnd("default/elsewhere"), tls="plaintext", requests=1, reasons={"mtls-required": 1}),
]
SEEN = Seen(requests=1000, failed=1)


def measured(edges=EDGES, seen=SEEN, by_version=(), events=()):
    return report(seen, edges, by_version, events, WORKLOADS)


def test_an_edge_is_meshed_where_both_ends_have_a_proxy():
    first, second, third = measured().edges
    assert first == MeasuredEdge("default/gateway", "default/shop", 10, 0.9, 1.235, 2.0, "mtls", True)
    assert (second.requests, second.success_rate, second.meshed) == (3, None, True)
    assert not third.meshed


def test_an_unmeshed_caller_is_not_meshed():
    (edge,) = measured([Edge(EdgeEnd(), SHOP, tls="plaintext", requests=1)]).edges
    assert (edge.source, edge.meshed) == ("(unmeshed)", False)


def test_refusals_ejections_and_versions_are_counted():
    by_version = [
        Edge(GATEWAY, EdgeEnd("default/a", "v1"), requests=2),
        Edge(SHOP, EdgeEnd("default/a", "v1"), requests=3),
        Edge(SHOP, EdgeEnd("default/a", "v2"), requests=1),
        Edge(SHOP, STORE, requests=9),
    ]
    found = measured(by_version=by_version, events=[Event(1, "ejected"), Event(2, "readmitted"), Event(3, "ejected")])
    assert (found.refused, found.ejections, found.retries_saved) == (3, 2, 4)
    assert found.versions == {"default/a": {"v1": 5, "v2": 1}}


@pytest.mark.parametrize(
    ("seen", "tls", "says"),
    [
        (SEEN, "mtls", []),
        (Seen(requests=1000, failed=2), "mtls", ["people saw 99.80 % of their requests succeed, less than 99.90 %"]),
        (Seen(), "mtls", ["nobody came into the shop"]),
        (SEEN, "plaintext", ["not encrypted: default/gateway → default/shop"]),
    ],
)
def test_what_is_not_as_it_should_be_is_named(seen, tls, says):
    found = measured([Edge(GATEWAY, SHOP, tls=tls), EDGES[2]], seen)
    assert [message for message, _ in found.problems()] == says


@pytest.mark.parametrize(("rate", "text"), [(1.0, "100 %"), (0.99999, "99.99 %"), (0.5, "50.00 %")])
def test_a_hundred_percent_is_all_of_them(rate, text):
    assert percent(rate) == text
