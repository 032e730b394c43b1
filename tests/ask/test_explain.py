import pytest

from tests.compiler.support import access, compiled, route, service, workload
from tests.compiler.support import found as discovered
from weft.ask import NotARequest, NotFound, explain

SUBSETS = "{ports: [{port: 80, name: http}], subsets: [{name: v2, labels: {version: v2}}]}"
SPLIT = "{backendRefs: [{name: a, port: 80, weight: 4}, {name: a, port: 80, subset: v2}]}"
MESH = (
    service("a", SUBSETS),
    service("b"),
    service("outer", "{ports: [{port: 80, name: http}], endpoints: [{address: '::1'}]}"),
    route("r", SPLIT),
    access("p", "{selector: {labels: {version: v2}}, rules: [{from: [{services: [b]}], to: [{methods: [GET]}]}]}"),
    workload("a-0", version="v1"),
    workload("a-1", version="v1"),
    workload("a-2", version="v2"),
    workload("a-ill", version="v1", health="unhealthy"),
)


def ask(source="default/b", to="default/a", method="GET", **more):
    return explain(compiled(*MESH), source, to, method, **more)


def ends(found):
    return [(p.percent, p.backend, p.endpoints, p.end.status) for p in found.paths]


def test_endpoints_with_one_answer_are_told_together():
    assert ends(ask(method="PUT")) == [
        (53.33, "default/a:80", ("default/a-0", "default/a-1"), 0),
        (26.67, "default/a:80", ("default/a-2",), 403),
        (20.0, "default/a:80[v2]", ("default/a-2",), 403),
    ]


def test_every_table_on_the_way_is_told():
    found = ask()
    tables = [s.table for s in (*found.steps, *found.paths[0].steps)]
    assert tables == ["resolve", "route", "balance", "connect", "accept", "authenticate", "authorise", "deliver"]


def test_mtls_needs_both():
    def connect(found):
        return {s.decision.partition(" ")[0] for p in found.paths for s in p.steps if s.table == "connect"}

    assert connect(ask()) == {"mTLS"}
    assert connect(ask(source="")) == {"plaintext"}
    assert connect(ask(to="default/outer")) == {"plaintext"}


def test_before_an_endpoint_without_proxy_nothing_is_asked():
    (path,) = ask(to="default/outer").paths
    assert path.steps[1].decision.startswith("plaintext to [::1]:80")
    assert (path.steps[-1].table, path.end.status) == ("accept", 0)


def test_the_host_may_be_given():
    found = explain(compiled(*MESH), "default/b", "default/a", "GET", "/", {"Host": "a.default.mesh"})
    assert found.paths[0].end.status == 0


def test_an_unregistered_caller_is_noted():
    assert "taken to be" in ask(source="shop/x").notes[0]


def test_who_is_not_there_is_told():
    with pytest.raises(NotFound):
        ask(to="default/nobody")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("G T", "/", {}),
        ("", "/", {}),
        ("GET", "/a b", {}),
        ("GET", "/a\nb", {}),
        ("GET", "a", {}),
        ("GET", "/", {"a b": "c"}),
        ("GET", "/", {"a": "b\r\nc: d"}),
    ],
)
def test_what_a_proxy_refuses_as_malformed_is_no_question(method, path, headers):
    with pytest.raises(NotARequest):
        explain(compiled(*MESH), "default/b", "default/a", method, path, headers)


def test_it_says_which_source_found_an_endpoint():
    parts = (service("a"), discovered("2001:db8::7", stale=True))
    [path] = explain(compiled(*parts), "default/b", "default/a").paths
    [step] = [step for step in path.steps if step.table == "connect"]
    said = "plaintext to [2001:db8::7]:80: the endpoint is not meshed, found by dns db.example.com (stale)"
    assert step.decision == said
