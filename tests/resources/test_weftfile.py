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
    "a quote without end": ("{run: \"sh -c 'x\"}", "run: cannot be split into words: no closing quotation"),
    "a command of spaces": ("{run: '  '}", "run: is empty"),
    "a list to split": ("{run: [python3, x.py]}", "hint: that is command: [python3, x.py]"),
    "words in a row": ("{command: python3 x.py}", "hint: that is run: python3 x.py"),
    "a port as others write it": ("{run: x, port: '8080:80'}", "hint: port: 80 and publish: 8080"),
    "ports as others write them": ("{run: x, ports: ['8080:80']}", "hint: port: 80 and publish: 8080"),
    "a port with quotes": ("{run: x, port: '80'}", "hint: without quotes"),
    "a port in words": ("{run: x, port: eighty}", '"eighty" is not a whole number'),
    "a call with a port": ("{run: x, calls: ['b:80']}", "'b:80' is not a service"),
    "one call, not a list": ("{run: x, calls: b}", "hint: write [b]"),
    "a field of Compose": ("{run: x, environment: {A: b}}", "hint: env: {NAME: value}"),
    "a typing error": ("{rum: x, run: x}", 'did you mean "run"?'),
    "a version's field of Compose": ("{run: x, port: 80, versions: {v1: {scale: 2}}}", "hint: replicas: 2"),
    "nothing to publish": ("{run: x, publish: 8080}", "publish need a port"),
    "a port that it does not have": ("{run: x, port: 80, publish: {local: 1, port: 81}}", "port 81, which it does not"),
    "publishing as others write it": ("{run: x, port: 80, publish: ['8080:80']}", "hint: port: 80 and publish: 8080"),
    "an impossible variable": ("{run: x, env: {'A=B': c}}", "'A=B' is not the name of an environment variable"),
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


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("8080", [(8080, 80)]),
        ("[8080, {local: 8081, port: 90}]", [(8080, 80), (8081, 90)]),
        ("{local: 8081, port: 90}", [(8081, 90)]),
    ],
)
def test_a_service_is_published_at_local_ports(written, expected):
    expanded = expand_text(f"services: {{a: {{run: x, ports: [80, 90], publish: {written}}}}}")
    assert [(p.local, p.port) for p in expanded.published] == expected
    assert {p.service for p in expanded.published} == {"default/a"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("publish: 8080", "publish: [8081, 8080]"),
        ("listen: 8080", "listen: 8080"),
        ("publish: 8080", "listen: 8080"),
    ],
)
def test_a_local_port_has_one_use(one, other):
    text = f"services:\n  a: {{run: x, port: 80, {one}}}\n  b: {{run: x, port: 80, {other}}}\n"
    (problem,) = expand_text(text, "w.yaml").problems
    mine, others = other.partition(":")[0], one.partition(":")[0]
    assert (problem.line, problem.column) == (3, 27 + len(mine))
    assert problem.what == f"services.b.{mine}: 8080 is taken by services.a.{others}"
