import pytest

from tests.compiler.support import access, compiled, found, message, service, status, traffic, workload
from weft.compiler import PortInfo
from weft.v1 import program_pb2 as pb


def endpoints(*parts, key="default/a:80"):
    return [(e.workload.rpartition("/")[2], e.port) for e in message(compiled(*parts), "Endpoints", key).endpoints]


def test_an_endpoint_says_who_where_and_how_well():
    a0 = workload("a-0", health="draining", zone="z1", version="v1")
    (found,) = message(compiled(service("a"), a0), "Endpoints", "default/a:80").endpoints
    assert (found.address, found.port, found.workload) == ("127.0.0.1", 20_000, "default/a-0")
    assert (found.identity, found.health) == ("spiffe://weft.local/ns/default/sa/a", pb.HEALTH_DRAINING)
    assert (found.version, found.zone, found.weight) == ("v1", "z1", 0)


def test_they_stand_in_the_order_of_their_names():
    assert endpoints(service("a"), workload("b"), workload("a")) == [("a", 20_000), ("b", 20_000)]


def test_each_port_has_those_that_serve_it():
    two = "{ports: [{port: 80}, {port: 81}]}"
    both = (PortInfo(80, "127.0.0.1", 1), PortInfo(81, "127.0.0.1", 2))
    parts = (service("a", two), workload("x", ports=both), workload("y"))
    assert endpoints(*parts) == [("x", 1), ("y", 20_000)]
    assert endpoints(*parts, key="default/a:81") == [("x", 2)]


def test_a_subset_has_those_with_its_labels():
    subsets = (
        "{ports: [{port: 80}], subsets: [{name: v2, labels: {version: v2}}, {name: eu, labels: {zone: eu, n: '1'}}]}"
    )
    parts = (
        service("a", subsets),
        workload("x", version="v2"),
        workload("y", labels={"version": "v2", "zone": "eu", "n": "1"}),
        workload("z", labels={"zone": "eu"}),
    )
    assert endpoints(*parts, key="default/a:80[v2]") == [("x", 20_000), ("y", 20_000)]
    assert endpoints(*parts, key="default/a:80[eu]") == [("y", 20_000)]


def test_written_endpoints_come_first_and_count_as_healthy():
    text = "{ports: [{port: 80}], endpoints: [{address: 127.0.0.9, port: 8080, weight: 3}, {address: '::1'}]}"
    first, second, last = message(compiled(service("a", text), workload("x")), "Endpoints", "default/a:80").endpoints
    assert (first.address, first.port, first.weight, first.identity) == ("127.0.0.9", 8080, 3, "")
    assert (second.address, second.port, second.health) == ("::1", 80, pb.HEALTH_HEALTHY)
    assert last.workload == "default/x"


LISTED = "{ports: [{port: 80}], identities: [b, c]}"
STRICT = "{ports: [{port: 80}], mtls: {mode: strict}}"
ALLOW = "{targetRefs: [{name: a}], rules: [{from: [{namespaces: [x]}]}]}"
SELECTED = "{selector: {labels: {app: x}}, rules: [{}]}"

# service, workload, policies → is it an endpoint?
ADMISSION = {
    "the service's own account": (service("a"), workload("x"), [], True),
    "another account": (service("a"), workload("x", account="evil"), [], False),
    "the same account elsewhere": (
        service("a"),
        workload("x", identity="spiffe://weft.local/ns/shop/sa/a"),
        [],
        False,
    ),
    "another trust domain": (service("a"), workload("x", identity="spiffe://evil/ns/default/sa/a"), [], False),
    "a listed account": (service("a", LISTED), workload("x", account="c"), [], True),
    "not a listed account": (service("a", LISTED), workload("x", account="a"), [], False),
    "no proxy": (service("a"), workload("x", account=""), [], True),
    "no proxy, accounts listed": (service("a", LISTED), workload("x", account=""), [], False),
    "no proxy, service strict": (service("a", STRICT), workload("x", account=""), [], False),
    "no proxy, but rules": (service("a"), workload("x", account=""), [access("p", ALLOW)], False),
    "a proxy and rules": (service("a"), workload("x"), [access("p", ALLOW)], True),
    "an old proxy and rules": (
        service("a"),
        workload("x", capabilities=frozenset({"access.allow"})),
        [access("p", ALLOW)],
        False,
    ),
    "no proxy, rules for others": (service("a"), workload("x", account=""), [access("p", SELECTED)], True),
    "an old proxy without rules": (service("a"), workload("x", capabilities=frozenset()), [], True),
    "rules that steer": (service("a"), workload("x", account=""), [traffic("t", "retry: {}")], True),
}


@pytest.mark.parametrize(("of", "who", "policies", "admitted"), ADMISSION.values(), ids=ADMISSION)
def test_only_who_is_admitted_is_an_endpoint(of, who, policies, admitted):
    result = compiled(of, who, *policies)
    assert bool(message(result, "Endpoints", "default/a:80").endpoints) is admitted
    expected = "True ResolvedRefs" if admitted else "False RegistrationRefused"
    assert status(result, of)["ResolvedRefs"] == expected


def test_a_written_endpoint_is_admitted_by_the_same_rules():
    text = "{{ports: [{{port: 80}}], endpoints: [{{address: 127.0.0.9{}}}]}}"
    open_one, meshed = (service("a", text.format(i)) for i in ("", ", identity: 'spiffe://other/ns/x/sa/y'"))
    assert endpoints(open_one) == endpoints(meshed) == [("a-static-0", 80)]
    assert endpoints(open_one, access("p", ALLOW)) == []
    assert endpoints(meshed, access("p", ALLOW)) == [("a-static-0", 80)]


def test_a_refused_registration_is_told_by_name_and_reason():
    a = service("a")
    condition = compiled(a, workload("x", account="evil")).statuses[a.ref].condition("ResolvedRefs")
    assert "default/x proved spiffe://weft.local/ns/default/sa/evil" in condition.message


def test_a_service_that_is_not_declared_has_no_endpoints():
    assert ("Endpoints", "default/a:80") not in compiled(workload("x")).delivered


def test_plaintext_and_weights_are_required_by_name():
    text = "{ports: [{port: 80}], endpoints: [{address: 127.0.0.9, weight: 3}]}"
    delivered = compiled(service("a", text), workload("x")).delivered["Endpoints", "default/a:80"]
    assert delivered.requires == {"connect.plaintext", "connect.mtls", "balance.weight"}


def test_what_a_source_found_is_an_endpoint_without_a_proxy():
    parts = (
        found("192.0.2.7", 5432, weight=3, priority=1, labels={"version": "v2"}, zone="z1", health="unknown"),
        found("2001:db8::7", identity="spiffe://weft.local/ns/default/sa/a"),
    )
    result = compiled(service("a"), *parts)
    first, second = message(result, "Endpoints", "default/a:80").endpoints
    assert (first.address, first.port, first.workload) == ("192.0.2.7", 5432, "default/a-192.0.2.7-5432")
    assert (first.weight, first.priority, first.version, first.zone) == (3, 1, "v2", "z1")
    assert (first.identity, first.health) == ("", pb.HEALTH_UNKNOWN)
    assert (second.address, second.port, second.workload) == ("2001:db8::7", 80, "default/a-2001-db8--7")
    assert second.identity == "spiffe://weft.local/ns/default/sa/a"
    assert not [key for key in result.delivered if key[0] == "Inbound"]
    assert result.delivered["Endpoints", "default/a:80"].requires >= {"balance.priority", "balance.weight"}


def test_a_subset_has_what_was_found_with_its_labels():
    a = service("a", "{ports: [{port: 80}], subsets: [{name: v2, labels: {version: v2}}]}")
    parts = (a, found("192.0.2.7", labels={"version": "v2"}), found("192.0.2.8"))
    assert endpoints(*parts, key="default/a:80[v2]") == [("a-192.0.2.7", 80)]


MESHED = "spiffe://weft.local/ns/default/sa/a"
FOUND = {
    "nothing asked": (service("a"), found(), [], True),
    "accounts listed": (service("a", LISTED), found(), [], False),
    "service strict": (service("a", STRICT), found(), [], False),
    "rules": (service("a"), found(), [access("p", ALLOW)], False),
    "rules that steer": (service("a"), found(), [traffic("t", "retry: {}")], True),
    "with the identity of the service": (service("a"), found(identity=MESHED), [access("p", ALLOW)], True),
    "with another identity": (service("a"), found(identity="spiffe://weft.local/ns/default/sa/evil"), [], False),
}


@pytest.mark.parametrize(("of", "who", "policies", "admitted"), FOUND.values(), ids=FOUND)
def test_what_was_found_is_admitted_as_a_registration_is(of, who, policies, admitted):
    result = compiled(of, who, *policies)
    assert bool(message(result, "Endpoints", "default/a:80").endpoints) is admitted
    expected = "True ResolvedRefs" if admitted else "False RegistrationRefused"
    assert status(result, of)["ResolvedRefs"] == expected
