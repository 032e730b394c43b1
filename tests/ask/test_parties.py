import pytest

from tests.compiler.support import compiled, mesh, service, workload
from weft.ask.parties import OUTSIDE, NotFound, callee, caller

RESULT = compiled(
    mesh("{suffixes: [mesh, svc.cluster.local]}"),
    service("a", "{ports: [{port: 9080}, {port: 80}]}"),
    service("b", "{ports: [{port: 9080}, {port: 81}], identities: [bb]}"),
    service("c", namespace="shop"),
    workload("a-0"),
    workload("bare", account=""),
)

CALLERS = [
    ("default/a-0", "default", "spiffe://weft.local/ns/default/sa/a"),
    ("a-0", "default", "spiffe://weft.local/ns/default/sa/a"),
    ("default/bare", "default", ""),
    ("default/b", "default", "spiffe://weft.local/ns/default/sa/bb"),
    ("shop/c", "shop", "spiffe://weft.local/ns/shop/sa/c"),
    ("shop/nobody", "shop", "spiffe://weft.local/ns/shop/sa/nobody"),
]


@pytest.mark.parametrize(("source", "namespace", "identity"), CALLERS)
def test_a_caller_is_a_workload_a_service_or_an_account(source, namespace, identity):
    found = caller(RESULT, source)
    assert (found.namespace, found.identity) == (namespace, identity)
    assert bool(found.note) == source.endswith("nobody")


@pytest.mark.parametrize("source", ["", "-"])
def test_somebody_without_a_proxy(source):
    assert caller(RESULT, source) is OUTSIDE


CALLEES = [
    ("default/a", "default/a:80", "a.default.mesh"),
    ("default/a:9080", "default/a:9080", "a.default.mesh"),
    ("default/b", "default/b:9080", "b.default.mesh"),
    ("c", "shop/c:80", "c"),  # a short name is of the caller's namespace
    ("a", "a", "a"),
    ("a.default", "default/a:80", "a.default"),
    ("A.default.mesh.", "default/a:80", "A.default.mesh."),
    ("a.default.svc.cluster.local:80", "default/a:80", "a.default.svc.cluster.local"),
    ("example.com", "example.com", "example.com"),
    ("example.com:8080", "example.com:8080", "example.com"),
]


@pytest.mark.parametrize(("to", "name", "host"), CALLEES)
def test_a_callee_is_a_service_or_a_host(to, name, host):
    found = callee(RESULT, to, "shop")
    assert (found.name, found.host) == (name, host)


REASONS = [
    ("default/a:81", "no-port"),
    ("a.default:81", "no-port"),
    ("a.default.mesh:81", "unknown-destination"),  # a proxy asks for it and is told that it is absent
    ("gone.default.mesh", "unknown-destination"),
    ("example.com", ""),
]


@pytest.mark.parametrize(("to", "reason"), REASONS)
def test_what_has_no_frontend_has_a_reason(to, reason):
    assert callee(RESULT, to, "default").reason == reason


def test_a_service_that_is_not_there_is_told():
    with pytest.raises(NotFound, match="there is no Service default/aa") as caught:
        callee(RESULT, "default/aa", "default")
    assert caught.value.hint == 'did you mean "default/a"?'
    with pytest.raises(NotFound, match="'x' is not a port"):
        callee(RESULT, "default/a:x", "default")
