import pytest

from weft.resources.expand import expand, expand_text
from weft.resources.service import ServicePort, StaticEndpoint
from weft.resources.source import DnsSource
from weft.resources.weftfile import Dependency, FileHealth, FileService, Published, PublishedService, Version, WeftFile


def complaints(service: str) -> list[str]:
    return [str(p) for p in expand_text(f"services:\n  a: {service}\n").problems]


WRONG = {
    "nothing to run": ("{port: 80}", "nothing to run"),
    "a version with nothing to run": ("{port: 80, versions: {v1: {}}}", "version v1 has nothing to run"),
    "two commands": ("{run: x, command: [x]}", "say the same thing"),
    "two kinds of port": ("{run: x, port: 80, ports: [81]}", "say the same thing"),
    "versions without port": ("{run: x, versions: {v1: {}}}", "need a port"),
    "endpoints and a command": ("{run: x, port: 80, endpoints: [{address: 127.0.0.1}]}", "what weft does not run"),
    "dns and a command": ("{run: x, port: 80, dns: db.example.com}", "dns stands for what weft does not run"),
    "a file and versions": ("{port: 80, file: a.yaml, versions: {v: {run: x}}}", "file stands for what weft does not"),
    "dns without port": ("{dns: db.example.com}", "need a port"),
    "one port for two processes": ("{run: x, port: 80, listen: 8000, replicas: 2}", "cannot listen on one port"),
    "weights for some": ("{run: x, port: 80, versions: {v1: {weight: 1}, v2: {}}}", "version v2 has no weight"),
    "a call twice": ("{run: x, calls: [b, b]}", "twice"),
    "a strange call": ("{run: x, calls: ['b:80']}", "calls[0]"),
    "an unknown field": ("{run: x, prot: HTTP}", 'unknown field "prot"'),
    "a thousand replicas": ("{run: x, replicas: 1000}", "more than 100"),
    "a quote without end": ("{run: \"sh -c 'x\"}", "run: cannot be split into words: no closing quotation"),
    "a command of spaces": ("{run: '  '}", "run: is empty"),
    "a command that no system takes": (f"{{run: {'x' * 200_000}}}", "run: is longer than 128 KiB"),
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
    "a machine for what runs already": ("{port: 80, endpoints: [{address: 127.0.0.1}], machine: b}", "remove machine"),
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


# Each field of the format by its model: what is wrong in it, and what the message begins with. It stands on line 3.
TOP = {
    "namespace": ("Shop", "namespace: 'Shop' is not a label", 'write "shop"'),
    "mtls": ("stict", 'mtls: "stict" is not possible', 'did you mean "strict"?'),
    "access": ("yes", 'access: "yes" is not possible', "known here: allow, deny"),
    "egress": ("deny", 'egress: "deny" is not possible', "known here: allow, refuse"),
    "controller": ("mesh", "controller: 'mesh' is not the IP address of a machine", "such as 192.0.2.1"),
    "include": ("a.yaml", "include: is a string, not a list", "write [a.yaml]"),
    "resources": ("p.yaml", "resources: is a string, not a list", "write [p.yaml]"),
    "publish": ("'8080:80'", "publish: '8080:80' is not a port", "port: 80 and publish: 8080"),
    "edge": ("My_Gate", "edge: 'My_Gate' is not a label", 'write "my-gate"'),
    "services": ("[a]", "services: is a list, not a mapping", "write its fields as name: value"),
}
RUNS = {
    "run": ("[a, b]", "run: is a list, not a string", "that is command: [a, b]"),
    "command": ("a b", "command: is a string, not a list", "that is run: a b"),
    "replicas": ("-1", "replicas: -1 is less than 0", "0 or more"),
    "machine": ("B_1", "machine: 'B_1' is not a label", 'write "b-1"'),
    "env": ("[A=b]", "env: is a list, not a mapping", "write its fields as name: value"),
}
SERVICE = {
    **RUNS,
    "port": ("70000", "port: 70000 is more than 65535", "65535 or less"),
    "ports": ("80", "ports: is a number, not a list", "write [80]"),
    "publish": ("'8080:80'", "publish: '8080:80' is not a port", "port: 80 and publish: 8080"),
    "protocol": ("HTPP", 'protocol: "HTPP" is not possible', 'did you mean "HTTP"?'),
    "listen": ("0", "listen: 0 is less than 1", "1 or more"),
    "directory": ("1", "directory: 1 is a number, not a string", 'quote it: "1"'),
    "account": ("My_App", "account: 'My_App' is not a label", 'write "my-app"'),
    "health": ("healthz", "health: the path 'healthz' does not start with /", 'write "/healthz"'),
    "calls": ("b", "calls: is a string, not a list", "write [b]"),
    "restart": ("unless-stopped", 'restart: "unless-stopped" is not possible', "known here: always, never, on-failure"),
    "depends_on": ("{b: healthy}", 'depends_on.b.condition: "healthy" is not possible', "did you mean"),
    "versions": ("[v1]", "versions: is a list, not a mapping", "write its fields as name: value"),
    "endpoints": ("[127.0.0.1]", "endpoints[0]: is a string, not a mapping", "write its fields as name: value"),
    "dns": ("192.0.2.7", "is an address, and needs no DNS", "endpoints: [{address: 192.0.2.7}]"),
    "file": ("db.txt", "'db.txt' is neither YAML nor JSON", "the file's name ends in .yaml"),
}
DNS = {
    "name": ("'db:5432'", "'db:5432' is not a host name", "name: db, port: 5432"),
    "type": ("MX", '"MX" is not possible', "known here: A, AAAA, SRV, auto"),
    "port": ("0", "port: 0 is less than 1", "1 or more"),
    "server": ("ns.example.com", "'ns.example.com' is not a DNS server", "its address"),
    "labels": ("[a]", "labels: is a list, not a mapping", "write its fields as name: value"),
}
VERSION = {**RUNS, "weight": ("ten", 'weight: "ten" is not a whole number', "digits only")}
PORTS = {
    "name": ("Web", "name: 'Web' is not a label", 'write "web"'),
    "port": ("'80'", 'port: "80" is not a whole number', "without quotes"),
    "protocol": ("UDP", 'protocol: "UDP" is not possible', "known here: GRPC, HTTP"),
    "app_protocol": ("1", "appProtocol: 1 is a number, not a string", 'quote it: "1"'),
    "tls": ("on", 'tls: "on" is not possible', "known here"),
}
HEALTH = {
    "http": ("healthz", "the path 'healthz' does not start with /", 'write "/healthz"'),
    "tcp": ("false", "tcp: false is not possible", "known here: true"),
    "grpc": ("1", "grpc: 1 is a number, not a string", 'quote it: "1"'),
    "port": ("web", 'port: "web" is not a whole number', "digits only"),
    "interval": ("5", "interval: 5 has no unit", 'write "5s" or "5ms"'),
    "timeout": ("1min", "timeout: '1min' is not a duration", "whole numbers with h, m, s or ms"),
    "rise": ("0", "rise: 0 is less than 1", "1 or more"),
    "fall": ("1.5", "fall: 1.5 is not a whole number", "digits only"),
    "start_period": ("0s", "start_period: 0 is no time", "leave it out for the default"),
}
DEPENDENCY = {
    "condition": ("service_completed_successfully", "is not possible", "known here: service_healthy, service_started")
}
PUBLISHED = {
    "local": ("web", 'local: "web" is not a whole number', "digits only"),
    "port": ("0", "port: 0 is less than 1", "1 or more"),
}
PUBLISHED_SERVICE = {**PUBLISHED, "service": ("Shop", "service: 'Shop' is not a label", 'write "shop"')}
ENDPOINT = {
    "address": ("db.local", "'db.local' is not an IP address", "an IPv4 or IPv6 address, no name"),
    "port": ("0", "port: 0 is less than 1", "1 or more"),
    "labels": ("[a]", "labels: is a list, not a mapping", "write its fields as name: value"),
    "weight": ("-1", "weight: -1 is less than 0", "0 or more"),
    "identity": ("me", "identity: 'me' is not a SPIFFE ID", "spiffe://<trust domain>"),
    "zone": ("1", "zone: 1 is a number, not a string", 'quote it: "1"'),
}
# The model, its fields, and what stands around one of them.
PLACES = {
    "the file": (WeftFile, TOP, "#\n#\n{field}: {value}\n"),
    "a service": (FileService, SERVICE, "services:\n  a:\n    {field}: {value}\n"),
    "a version": (Version, VERSION, "services: {{a: {{port: 1, versions: {{v1: {{\n\n{field}: {value}}}}}}}}}\n"),
    "a port": (ServicePort, PORTS, "services: {{a: {{run: x, ports: [{{\n\n{field}: {value}}}]}}}}\n"),
    "health": (FileHealth, HEALTH, "services: {{a: {{run: x, port: 1,\n\nhealth: {{{field}: {value}}}}}}}\n"),
    "a dependency": (Dependency, DEPENDENCY, "services: {{a: {{depends_on: {{b:\n{{\n{field}: {value}}}}}}}}}\n"),
    "publish": (Published, PUBLISHED, "services: {{a: {{run: x, port: 1, publish: [{{\n\n{field}: {value}}}]}}}}\n"),
    "publish of the file": (PublishedService, PUBLISHED_SERVICE, "publish: [{{\n\n{field}: {value}}}]\n"),
    "dns": (DnsSource, DNS, "services: {{a: {{port: 1, dns: [{{\n\n{field}: {value}}}]}}}}\n"),
    "an endpoint": (StaticEndpoint, ENDPOINT, "services: {{a: {{port: 1, endpoints: [{{\n\n{field}: {value}}}]}}}}\n"),
}
EACH = [(place, field) for place, (_, fields, _) in PLACES.items() for field in fields]


@pytest.mark.parametrize(("place", "field"), EACH)
def test_each_field_that_is_wrong_is_named_with_its_line_and_what_to_write(place, field):
    model, fields, around = PLACES[place]
    value, what, hint = fields[field]
    text = around.format(field=model.model_fields[field].alias, value=value)
    found = [str(problem) for problem in expand_text(text, "w.yaml").problems]
    (mine,) = (problem for problem in found if what in problem)
    assert mine.startswith("error: w.yaml:3:")
    assert f"\n\nhint: {hint}" in mine


@pytest.mark.parametrize("place", PLACES)
def test_no_field_is_left_out(place):
    model, fields, _ = PLACES[place]
    assert set(fields) == set(model.model_fields)


@pytest.mark.parametrize("place", PLACES)
def test_a_field_that_does_not_exist_is_named_with_its_line(place):
    (mine,) = (
        problem
        for problem in map(str, expand_text(PLACES[place][2].format(field="colour", value="red"), "w.yaml").problems)
        if "colour" in problem
    )
    assert mine.startswith("error: w.yaml:3:")
    assert 'unknown field "colour"' in mine


@pytest.mark.parametrize(
    ("word", "instead"),
    [("path: /h", "http: /healthz"), ("retries: 3", "fall: 3"), ("startPeriod: 1s", "start_period: 30s")],
)
def test_words_of_others_in_health_are_answered_with_ours(word, instead):
    (found,) = complaints(f"{{run: x, port: 80, health: {{tcp: true, {word}}}}}")
    assert f"hint: {instead}" in found


def test_health_may_be_a_connect():
    (plan,) = expand_text("services: {a: {run: x, port: 80, health: tcp}}").workloads
    assert plan.health.tcp is True


def test_a_variable_may_stand_wherever_a_value_does(tmp_path, monkeypatch):
    monkeypatch.setenv("PORT", "8080")
    monkeypatch.setenv("COPIES", "2")
    fields = ["run: x --on ${PORT}", "port: ${PORT}", "replicas: ${COPIES:-1}", "env: {P: '${PORT}'}"]
    (tmp_path / "weft.yaml").write_text("services:\n  a:\n" + "".join(f"    {field}\n" for field in fields))
    plans = expand(tmp_path / "weft.yaml").workloads
    assert [(p.command[-1], dict(p.ports), p.env) for p in plans] == [("8080", {8080: 0}, {"P": "8080"})] * 2
