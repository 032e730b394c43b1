import pytest

from tests.resources.support import document, one
from weft.resources import Ref, load_text, validate

A = document(
    "Service",
    "{ports: [{port: 80, name: http}, {port: 90, protocol: TCP}], subsets: [{name: v2, labels: {v: b}}]}",
    "a",
)
DB = document("Service", "{ports: [{port: 5432, protocol: TCP}], endpoints: [{address: 127.0.0.1}]}", "db")


def route(parent: str = "{group: '', kind: Service, name: a}", rule: str = "{}", name: str = "r") -> str:
    return document("HTTPRoute", f"{{parentRefs: [{parent}], rules: [{rule}]}}", name)


def parent(extra: str) -> str:
    return route(f"{{group: '', kind: Service, name: a, {extra}}}")


def backend(text: str) -> str:
    return route(rule=f"{{backendRefs: [{text}]}}")


def traffic(target: str, name: str = "t") -> str:
    return document("TrafficPolicy", f"{{targetRefs: [{target}]}}", name)


def access(spec: str) -> str:
    return document("AccessPolicy", spec, "p")


def told(*documents: str) -> list[str]:
    loaded = load_text("---\n".join(documents), "f.yaml")
    assert loaded.ok, loaded.problems
    return [f"{p.severity} {p.what} ({p.hint})" for p in validate(loaded.resources)]


CASES = {
    "all is well": ([A, backend("{name: a, port: 80, subset: v2}")], None),
    "an unknown parent may come": ([route()], "warning there is no Service default/a here"),
    "with a suggestion": ([A, backend("{name: aa, port: 80}")], 'did you mean "default/a"?'),
    "an unknown port": ([A, parent("port: 81")], "error Service default/a has no port 81 (it has 80 (http), 90)"),
    "an unknown port name": ([A, parent("sectionName: grpc")], "has no port grpc"),
    "a port that speaks no HTTP": ([A, parent("port: 90")], "error Service default/a speaks TCP on port 90"),
    "a backend's unknown port": ([A, backend("{name: a, port: 81}")], "error Service default/a has no port 81"),
    "a backend that speaks no HTTP": ([A, backend("{name: a, port: 90}")], "error Service default/a speaks TCP"),
    "an unknown subset": ([A, backend("{name: a, port: 80, subset: v3}")], "error Service default/a has no subset v3"),
    "a subset of none": ([DB, traffic("{name: db, subset: v2}")], "(it has none)"),
    "hostnames": (
        [A, document("HTTPRoute", "{hostnames: [a], parentRefs: [{group: '', kind: Service, name: a}]}")],
        "warning hostnames are ignored",
    ),
    "a policy's unknown service": ([traffic("{name: a}")], "warning there is no Service default/a here"),
    "a policy's unknown port": ([A, traffic("{name: a, port: 81}")], "error Service default/a has no port 81"),
    "an unknown caller may come": (
        [A, access("{targetRefs: [{name: a}], rules: [{from: [{services: [b]}]}]}")],
        "warning there is no Service default/b here",
    ),
    "an HTTP field on an opaque port": (
        [A, access("{rules: [{to: [{methods: [GET]}]}]}")],
        "error methods cannot be seen on port 90 of Service default/a, which speaks TCP (name the ports: ports: [80])",
    ),
    "a rule that nothing can enforce": (
        [DB, access("{rules: [{}]}")],
        "error nothing can enforce it for endpoint 127.0.0.1 of Service default/db",
    ),
    "two policies on one target": (
        [A, traffic("{name: a}"), traffic("{name: a}", "u")],
        "warning TrafficPolicy/default/t has the same target a",
    ),
    "two policies side by side": ([A, traffic("{name: a}"), traffic("{name: a, port: 80}", "u")], None),
    "two routes with one match": ([A, route(), route(name="s")], "warning HTTPRoute/default/r has the same match"),
}


@pytest.mark.parametrize(("documents", "says"), CASES.values(), ids=CASES)
def test_resources_are_seen_together(documents, says):
    found = told(*documents)
    assert len(found) == (says is not None), found
    assert says is None or says in found[0]


def test_a_consumer_route_shadows_no_producer_route():
    consumer = one("HTTPRoute", "{parentRefs: [{group: '', kind: Service, name: a, namespace: default}]}", "r", "shop")
    producer = one("HTTPRoute", "{parentRefs: [{group: '', kind: Service, name: a}]}", "r")
    assert validate([one("Service", "{ports: [{port: 80}]}", "a"), producer, consumer]) == []


def test_a_problem_names_its_resource_and_its_line():
    loaded = load_text(A + "---\n" + route(rule="{name: x}, \n {backendRefs: [{name: nope, port: 80}]}"), "f.yaml")
    (problem,) = validate(loaded.resources)
    assert problem.ref == Ref("HTTPRoute", "default", "r")
    assert (problem.line, problem.field) == (10, "spec.rules[1].backendRefs")
