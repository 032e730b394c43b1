import pytest

from weft.resources.expand import expand_text


def complaints(service: str) -> list[str]:
    return [str(p) for p in expand_text(f"services:\n  a: {service}\n").problems]


WRONG = {
    "nothing to run": ("{port: 80}", "nothing to run"),
    "a version with nothing to run": ("{port: 80, versions: {v1: {}}}", "version v1 has nothing to run"),
    "two commands": ("{run: x, command: [x]}", "say the same thing"),
    "two kinds of port": ("{run: x, port: 80, ports: [81]}", "say the same thing"),
    "versions without port": ("{run: x, versions: {v1: {}}}", "need a port"),
    "endpoints and a command": ("{run: x, port: 80, endpoints: [{address: 127.0.0.1}]}", "what weft does not run"),
    "one port for two processes": ("{run: x, port: 80, listen: 8000, replicas: 2}", "cannot listen on one port"),
    "weights for some": ("{run: x, port: 80, versions: {v1: {weight: 1}, v2: {}}}", "version v2 has no weight"),
    "a call twice": ("{run: x, calls: [b, b]}", "twice"),
    "a strange call": ("{run: x, calls: ['b:80']}", "calls[0]"),
    "an unknown field": ("{run: x, prot: HTTP}", 'unknown field "prot"'),
    "a thousand replicas": ("{run: x, replicas: 1000}", "more than 100"),
}


@pytest.mark.parametrize(("service", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused(service, says):
    found = complaints(service)
    assert len(found) == 1, found
    assert says in found[0]


def test_an_environment_has_only_strings_and_takes_numbers():
    (plan,) = expand_text("services: {a: {run: x, env: {N: 1, B: true, S: no}}}").workloads
    assert plan.env == {"N": "1", "B": "true", "S": "no"}


def test_health_may_be_a_path_alone():
    (plan,) = expand_text("services: {a: {run: x, port: 80, health: /h}}").workloads
    assert plan.health.http == "/h"


def test_ports_may_be_numbers_or_as_in_service():
    text = "services: {a: {run: x, protocol: HTTP, ports: [80, {port: 81, name: grpc}]}}"
    (service,) = expand_text(text).resources
    assert [(p.port, p.speaks) for p in service.spec.ports] == [(80, "HTTP"), (81, "GRPC")]
