import pytest

from tests.resources.support import document
from weft.resources import AccessPolicy, HTTPRoute, Mesh, Service, expand, to_yaml, validate
from weft.resources.expand import expand_text, is_weftfile

SHOP = """\
mtls: strict
access: deny
egress: refuse
services:
  web:
    run: python web.py --name 'the web'
    port: 8080
    calls: [reviews, postgres, other/x]
  reviews:
    run: python reviews.py
    port: 9080
    protocol: HTTP
    replicas: 2
    env: {A: "1", B: "1"}
    account: reviewer
    versions:
      v1: {weight: 90}
      v2: {run: python reviews2.py, weight: 10, replicas: 1, env: {B: "2"}}
  loadgen:
    command: [sh, -c, "while true"]
    account: gen
    calls: [reviews, web]
  postgres:
    port: 5432
    protocol: TCP
    endpoints: [{address: 127.0.0.1}]
"""


def made(kind):
    return {r.name: r for r in expand_text(SHOP).resources if isinstance(r, kind)}


def test_the_mesh_is_made_when_something_is_said_about_it():
    spec = made(Mesh)["mesh"].spec
    assert (spec.mtls.mode, spec.access.default, spec.egress) == ("strict", "deny", "refuse")
    assert expand_text("services: {a: {run: x, port: 80}}").resources[0].ref.kind == "Service"


def test_services_have_ports_versions_and_accounts():
    services = made(Service)
    assert list(services) == ["web", "reviews", "postgres"]  # loadgen serves nothing
    assert [s.name for s in services["reviews"].spec.subsets] == ["v1", "v2"]
    assert services["reviews"].accounts == ("reviewer",)
    assert services["postgres"].spec.endpoints[0].address == "127.0.0.1"


def test_weights_become_a_route():
    (route,) = made(HTTPRoute).values()
    (rule,) = route.spec.rules
    assert [(b.subset, b.weight) for b in rule.backend_refs] == [("v1", 90), ("v2", 10)]


def test_versions_without_weights_need_no_route():
    resources = expand_text("services: {a: {run: x, port: 80, versions: {v1: {}, v2: {}}}}").resources
    assert [r.ref.kind for r in resources] == ["Service"]


def test_several_ports_get_a_route_each_and_opaque_ones_none():
    ports = "[80, 81, {port: 82, protocol: TCP}]"
    text = f"services: {{a: {{run: x, ports: {ports}, versions: {{v1: {{weight: 1}}}}}}}}"
    assert [r.name for r in expand_text(text).resources] == ["a", "a-versions-80", "a-versions-81"]


def test_calls_become_what_the_callee_allows():
    policies = made(AccessPolicy)
    callers = {name: p.spec.rules[0].from_[0].services for name, p in policies.items()}
    # Who serves nothing is known by its account; before postgres stands no proxy that could refuse anybody.
    assert callers == {"reviews-callers": ("web", "gen"), "web-callers": ("gen",)}


def test_workloads_are_planned_one_by_one():
    plans = {p.name: p for p in expand_text(SHOP).workloads}
    assert list(plans) == ["web-0", "reviews-v1-0", "reviews-v1-1", "reviews-v2-0", "loadgen-0"]
    assert plans["web-0"].command == ("python", "web.py", "--name", "the web")
    assert plans["web-0"].calls == ("default/reviews", "default/postgres", "other/x")
    canary = plans["reviews-v2-0"]
    assert (canary.version, canary.account, canary.command[1]) == ("v2", "reviewer", "reviews2.py")
    assert (canary.env, canary.ports, canary.service) == ({"A": "1", "B": "2"}, {9080: 0}, "default/reviews")
    assert (plans["loadgen-0"].service, plans["loadgen-0"].ports) == ("", {})


def test_everything_knows_where_it_was_written():
    assert {r.name: r.origin.line for r in expand_text(SHOP, "w.yaml").resources} == {
        "mesh": 1,
        "web": 5,
        "web-callers": 5,
        "reviews": 9,
        "reviews-versions": 16,
        "reviews-callers": 9,
        "postgres": 23,
    }


def test_what_it_makes_is_valid():
    resources = expand_text(SHOP).resources
    assert [p for p in validate(resources) if p.severity == "error"] == []
    assert "kind: AccessPolicy" in to_yaml(resources)


def test_a_callee_that_is_not_there_has_its_place():
    expanded = expand_text("services:\n  a: {run: x, calls: [b, bb]}\n  b: {run: x}\n", "w.yaml")
    assert [str(p).split("\n")[0] for p in expanded.problems] == [
        "error: w.yaml:2:23: b has no port to call",
        "error: w.yaml:2:26: there is no service 'bb' here",
    ]
    assert expanded.resources == ()


def test_files_that_are_none_are_problems(tmp_path):
    assert expand(tmp_path / "no.yaml").problems[0].what == "cannot be read"
    (tmp_path / "w.yaml").write_bytes(b"\xff")
    assert expand(tmp_path / "w.yaml").problems[0].what == "not UTF-8"
    (tmp_path / "w.yaml").write_text("a: 1\n---\nb: 2\n")
    assert "2 documents" in expand(tmp_path / "w.yaml").problems[0].what
    assert not expand_text("a: [").ok
    assert expand_text("# nothing\n").problems[0].what == "is empty"


def test_a_resource_is_told_from_a_weft_yaml():
    (problem,) = expand_text(document("Service", "{ports: [{port: 80}]}"), "s.yaml").problems
    assert str(problem) == "error: s.yaml:1:1: this is a Service, not a weft.yaml\n\nhint: weft apply -f s.yaml"


def test_two_workloads_of_one_name_are_refused():
    text = "services:\n  a: {run: x, port: 80, versions: {v1: {}}}\n  a-v1: {run: x}\n"
    (problem,) = expand_text(text, "w.yaml").problems
    assert str(problem).startswith("error: w.yaml:3:3: its process a-v1-0 is called like one of a")


def test_a_weft_yaml_has_services_and_no_kind():
    assert is_weftfile({"services": {}})
    assert not is_weftfile({"services": {}, "kind": "Service"})
    assert not is_weftfile(document("Service", "{}"))


@pytest.mark.parametrize(
    ("head", "mode"),
    [("", None), ("controller: 192.0.2.1", "strict"), ("controller: 192.0.2.1\nmtls: permissive", "permissive")],
)
def test_what_others_can_reach_is_strict_by_itself(head, mode):
    expanded = expand_text(f"{head}\nservices: {{a: {{run: x, port: 80, publish: 8080}}}}")
    assert expanded.ok, expanded.problems
    assert expanded.controller == ("192.0.2.1:15010" if head else "")
    assert [r.spec.mtls.mode for r in expanded.resources if r.KIND == "Mesh"] == ([mode] if mode else [])
    assert expanded.on("b").published == () != expanded.on("").published


def test_what_is_found_elsewhere_becomes_discovery_and_nobody_runs_it(tmp_path):
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock/weft.yaml").write_text("services: {files: {port: 80, file: [a.yaml, /etc/b.json]}}")
    file = tmp_path / "weft.yaml"
    file.write_text(
        "include: [stock/weft.yaml]\nservices:\n"
        "  db: {port: 5432, dns: db.example.com}\n"
        "  pg: {port: 5432, dns: [{name: _pg._tcp.example.com}, {name: a.example, server: 192.0.2.53}]}\n"
        "  web: {run: x, calls: [db, files]}\n"
    )
    found = expand(file)
    assert found.ok, found.problems
    sources = {r.name: [str(s) for s in r.spec.discovery] for r in found.resources if isinstance(r, Service)}
    assert sources == {
        "db": ["dns db.example.com"],
        "pg": ["dns _pg._tcp.example.com", "dns a.example at 192.0.2.53:53"],
        "files": [f"file {tmp_path}/stock/a.yaml", "file /etc/b.json"],
    }
    assert [plan.name for plan in found.workloads] == ["web-0"]
    assert not [r for r in found.resources if isinstance(r, AccessPolicy)]


def test_a_file_beside_a_text_without_a_place_is_a_mistake():
    [problem] = expand_text("services:\n  db:\n    port: 1\n    file: a.yaml\n").problems
    assert (problem.place, problem.what) == ("weft.yaml:4:11", "cannot find a.yaml: this text has no folder")
