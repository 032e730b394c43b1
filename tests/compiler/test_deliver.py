from tests.compiler.support import access, compiled, message, service, workload
from weft.compiler.deliver import health_check
from weft.v1 import program_pb2 as pb

SPEC = "{ports: [{port: 80, name: http}, {port: 81, protocol: TCP, tls: strict}], health: {http: /h, port: 81}}"


def test_an_inbound_has_every_port_of_the_service():
    found = message(compiled(service("a", SPEC), workload("x")), "Inbound", "default/x")
    assert (found.name, found.service) == ("default/x", "default/a")
    assert [(p.port, p.protocol, p.tls) for p in found.ports] == [
        (80, pb.APP_PROTOCOL_HTTP1, pb.TLS_MODE_PERMISSIVE),
        (81, pb.APP_PROTOCOL_TCP, pb.TLS_MODE_STRICT),
    ]


def test_health_is_asked_on_its_port_or_the_first():
    def asked(spec):
        found = message(compiled(service("a", spec), workload("x")), "Inbound", "default/x").ports
        return [p.port for p in found if p.HasField("health")]

    assert asked(SPEC) == [81]
    assert asked("{ports: [{port: 80}, {port: 81}], health: {tcp: true}}") == [80]
    assert asked("{ports: [{port: 80}]}") == []


def test_a_health_check_has_one_kind():
    def kind(text):
        return health_check(service("a", f"{{ports: [{{port: 80}}], health: {text}}}").spec.health, 80)

    assert kind("{http: /h}").http_path == "/h"
    assert kind("{tcp: true}").tcp is True
    assert kind("{grpc: ''}").WhichOneof("kind") == "grpc_service"
    assert (kind("{tcp: true}").interval_ms, kind("{tcp: true}").fall) == (10_000, 3)


def test_who_serves_nothing_lets_nobody_in():
    for who in (workload("x", of=""), workload("x", of="gone")):
        found = message(compiled(who), "Inbound", "default/x")
        assert (len(found.ports), found.service) == (0, who.service)


def test_workloads_of_one_service_may_be_under_different_policies():
    result = compiled(
        service("a"),
        workload("x", labels={"app": "x"}),
        workload("y"),
        access("p", "{selector: {labels: {app: x}}, rules: [{}]}"),
    )
    assert [len(message(result, "Inbound", f"default/{name}").ports[0].access) for name in "xy"] == [1, 0]


def test_it_requires_what_its_ports_require():
    delivered = compiled(service("a", SPEC), workload("x"), access("p", "{rules: [{}]}")).delivered
    assert delivered["Inbound", "default/x"].requires == {
        "access.allow",
        "accept.tls.permissive",
        "accept.tls.strict",
        "health.http",
    }
