import pytest

from tests.resources.support import complaints, one
from weft.resources import load_text

PROTOCOLS = [
    ("{port: 80}", None),
    ("{port: 80, protocol: GRPC}", "GRPC"),
    ("{port: 80, name: http}", "HTTP"),
    ("{port: 80, name: grpc-admin}", "GRPC"),
    ("{port: 80, name: admin}", None),
    ("{port: 80, name: grpc, protocol: TCP}", "TCP"),
    ("{port: 80, appProtocol: kubernetes.io/h2c}", "HTTP2"),
    ("{port: 443, appProtocol: https}", "TLS"),
    ("{port: 3306, appProtocol: mysql}", "TCP"),
    ("{port: 80, appProtocol: grpc, name: http}", "GRPC"),
]


@pytest.mark.parametrize(("port", "speaks"), PROTOCOLS)
def test_the_protocol_is_declared_by_field_then_name_then_not(port, speaks):
    (found,) = one("Service", f"{{ports: [{port}]}}").spec.ports
    assert found.speaks == speaks
    assert found.opaque == (speaks in ("TCP", "TLS"))


def test_the_service_account_defaults_to_the_name():
    assert one("Service", "{ports: [{port: 80}]}", name="a").accounts == ("a",)
    assert one("Service", "{ports: [{port: 80}], identities: [b, c]}").accounts == ("b", "c")


def test_a_reference_means_ports():
    service = one("Service", "{ports: [{port: 80, name: http}, {port: 81, name: grpc}]}")
    assert [p.port for p in service.meant(None, None)] == [80, 81]
    assert [p.port for p in service.meant(81, None)] == [81]
    assert [p.port for p in service.meant(None, "http")] == [80]
    assert service.meant(80, "grpc") == ()
    assert service.port(81).name == "grpc"
    assert service.port(82) is None


def test_health_has_the_documented_defaults():
    health = one("Service", "{ports: [{port: 80}], health: {tcp: true}}").spec.health
    assert (health.interval, health.timeout, health.rise, health.fall) == (10_000, 1_000, 2, 3)


CORE = """
apiVersion: v1
kind: Service
metadata: {name: a, creationTimestamp: "2024-01-01T00:00:00Z", uid: "1", managedFields: []}
status: {loadBalancer: {}}
spec:
  type: ClusterIP
  clusterIP: None
  selector: {app: a}
  ports:
  - {name: web, port: 80, targetPort: http, nodePort: 30000, protocol: TCP, appProtocol: http}
"""


def test_what_kubectl_prints_can_be_applied():
    loaded = load_text(CORE)
    assert loaded.problems == ()
    assert loaded.resources[0].spec.ports[0].speaks == "HTTP"
    assert loaded.resources[0].to_dict()["apiVersion"] == "weft/v1"


def test_a_core_service_has_no_unknown_fields_either():
    (problem,) = load_text(CORE.replace("selector", "selektor")).problems
    assert 'unknown field "selektor"' in problem.what


def test_a_core_udp_port_is_refused():
    (problem,) = load_text(CORE.replace("protocol: TCP", "protocol: UDP")).problems
    assert "not supported yet: UDP" in problem.why


WRONG = {
    "no ports": ("{ports: []}", "at least 1"),
    "a port twice": ("{ports: [{port: 80}, {port: 80}]}", "'80' twice"),
    "a port name twice": ("{ports: [{port: 80, name: a}, {port: 81, name: a}]}", "'a' twice"),
    "two protocols": ("{ports: [{port: 80, protocol: HTTP, appProtocol: grpc}]}", "disagree"),
    "a subset twice": (
        "{ports: [{port: 80}], subsets: [{name: a, labels: {v: a}}, {name: a, labels: {v: b}}]}",
        "'a' twice",
    ),
    "a subset of everything": ("{ports: [{port: 80}], subsets: [{name: a, labels: {}}]}", "at least 1"),
    "no identity at all": ("{ports: [{port: 80}], identities: []}", "at least 1"),
    "no kind of health": ("{ports: [{port: 80}], health: {interval: 5s}}", "exactly one"),
    "two kinds of health": ("{ports: [{port: 80}], health: {http: /, tcp: true}}", "exactly one"),
    "health without slash": ("{ports: [{port: 80}], health: {http: h}}", 'write "/h"'),
    "health of another's port": ("{ports: [{port: 80}], health: {tcp: true, port: 81}}", "does not have"),
    "a timeout that never ends": ("{ports: [{port: 80}], health: {tcp: true, timeout: 20s}}", "at most interval"),
    "an endpoint by name": ("{ports: [{port: 80}], endpoints: [{address: db}]}", "not an IP address"),
    "an identity with a star": (
        "{ports: [{port: 80}], endpoints: [{address: 127.0.0.1, identity: 'spiffe://*'}]}",
        "not a SPIFFE ID",
    ),
    "one port for two": ("{ports: [{port: 80}, {port: 81}], endpoints: [{address: 127.0.0.1, port: 1}]}", "ambiguous"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused(text, says):
    found = complaints("Service", text)
    assert len(found) == 1, found
    assert says in found[0]


def test_a_name_is_one_label_of_host_names():
    with pytest.raises(AssertionError, match="has a dot"):
        one("Service", "{ports: [{port: 80}]}", name="a.b")
