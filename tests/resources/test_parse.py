import pytest

from tests.resources.support import document
from weft.resources import Origin, load_text, parse_document
from weft.resources.parse import path_text
from weft.resources.problem import Problems

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec:
  parentRefs: [{group: "", kind: Service, name: a}]
  rules:
  - matchs: []
    matches:
    - path: {type: Prefix, value: /a}
    - method: get
      headers: [{name: x, value: 5}]
    backendRefs:
    - {name: b, port: "80"}
    - {name: c}
  - timeouts: {request: 5}
    backendRefs:
"""

EXPECTED = """\
7:5 unknown field "matchs" in spec.rules[0] | did you mean "matches"?
9:20 spec.rules[0].matches[0].path.type: "Prefix" is not possible | did you mean "PathPrefix"?
10:15 spec.rules[0].matches[1].method: 'get' is not a method in upper case, such as GET | write "GET"
11:34 spec.rules[0].matches[1].headers[0].value: 5 is a number, not a string | quote it: "5"
13:23 spec.rules[0].backendRefs[0].port: "80" is not a whole number | without quotes
14:7 spec.rules[0].backendRefs[1].port is missing |
15:25 spec.rules[1].timeouts.request: 5 has no unit | write "5s" or "5ms"
16:17 spec.rules[1].backendRefs: is empty | give it a value or remove it
"""


def test_every_error_of_a_document_is_told_in_the_order_of_the_file():
    problems = load_text(ROUTE, "f.yaml").problems
    lines = [f"{p.line}:{p.column} {p.what}{': ' + p.why if p.why else ''} | {p.hint}".rstrip() for p in problems]
    assert "\n".join(lines) + "\n" == EXPECTED


def test_a_problem_knows_its_field():
    fields = [p.field for p in load_text(ROUTE).problems]
    assert fields[0] == "spec.rules[0].matchs"
    assert fields[5] == "spec.rules[0].backendRefs[1].port"


HEADS = [
    ("5", "a resource is a mapping"),
    ("a: 1", "kind is missing"),
    ("kind: HTTProute", 'did you mean "HTTPRoute"?'),
    ("kind: GRPCRoute", "not supported yet: GRPCRoute"),
    ("kind: [a]", "there is no kind"),
    ("kind: Service", "apiVersion is missing"),
    ("kind: Service\napiVersion: weft/v2", "write weft/v1"),
    ("kind: Service\napiVersion: weft/v1", "metadata is missing"),
    (document("Service", "{ports: [{port: 80}]}").replace("metadata", "metdata"), 'did you mean "metadata"?'),
    (document("Service", "{ports: 80}"), "is a number, not a list"),
    (document("Service", "[]"), "is a list, not a mapping"),
    (document("Service", "{ports: [{port: 80.5}]}"), "80.5 is not a whole number"),
    (
        document("TrafficPolicy", "{targetRefs: [{name: a}], outlierDetection: {disabled: no}}"),
        "only true and false are",
    ),
    (document("Service", "{ports: [{port: 80, name: ''}]}"), "label"),
    (document("Service", "{ports: [{port: 80}], subsets: [{name: a, labels: {v: 1}}]}"), 'quote it: "1"'),
    (document("Service", "{ports: [{port: 80}], subsets: [{name: a, labels: {v: true}}]}"), 'quote it: "true"'),
]


@pytest.mark.parametrize(("text", "says"), HEADS)
def test_a_head_or_type_that_is_wrong_is_told_with_what_helps(text, says):
    assert any(says in str(p) for p in load_text(text).problems)


def test_the_lines_of_rules_are_kept():
    good = ROUTE.replace("  - matchs: []\n    matches:\n", "  - matches:\n").split("    - path")[0]
    (route,) = load_text(good.replace("matches:", "name: x") + "  - name: y\n", "f.yaml").resources
    assert route.origin == Origin("f.yaml", 1, 1, (7, 8))


def test_a_plain_document_is_parsed_too():
    body = {"apiVersion": "weft/v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    assert parse_document(body).full_name == "default/a"
    assert parse_document(body, Origin("store", 3)).origin == Origin("store", 3)
    with pytest.raises(Problems, match="spec.ports"):
        parse_document({**body, "spec": {"ports": 1}}, Origin("f.yaml", 3))


def test_a_path_reads_as_people_write_it():
    assert path_text(("spec", "rules", 0, "labels", "a", "[key]")) == "spec.rules[0].labels.a"
