import pytest

from tests.compiler.support import compiled, mesh, route, service, traffic, workload
from weft.ask.core import Request
from weft.ask.outbound import end, outbound, place
from weft.ask.parties import callee, caller

RULES = (
    "{matches: [{path: {value: /old}}], backendRefs: [{name: a, port: 80, weight: 3}, {name: gone, port: 80}],"
    " filters: [{type: URLRewrite, urlRewrite: {hostname: h, path: {type: ReplaceFullPath, replaceFullPath: /new}}}]}"
)


def ask(to="default/a", path="/old", source="default/b", more=()):
    result = compiled(service("a"), service("b"), route("r", RULES), workload("bare", of="b", account=""), *more)
    who = caller(result, source)
    return outbound(result, who, callee(result, to, who.namespace), Request(path=path))


def test_shares_know_what_the_callee_sees():
    first, second = ask().shares
    assert (first.percent, first.backend, first.request.path, first.request.host) == (75, "default/a:80", "/new", "h")
    assert (second.percent, second.end.status, second.end.advice) == (25, 500, "there is no Service default/gone")


ENDS = [
    ({"path": "/other"}, 404, "no-route"),
    ({"path": "/old/../x"}, 400, "ambiguous-path"),
    ({"to": "default/a:81"}, 502, "no-port"),
    ({"to": "gone.default.mesh"}, 502, "unknown-destination"),
    ({"to": "a.default:81"}, 502, "no-port"),
    ({"to": "x.example", "more": (mesh("{egress: refuse}"),)}, 502, "unknown-destination"),
]


def test_a_caller_that_can_be_told_apart_goes_one_way():
    rules = "{backendRefs: [{name: a, port: 80, weight: 9}, {name: b, port: 80}]}"
    result = compiled(
        service("a"), service("b"), route("r", rules), traffic("t", "split: {sticky: {cookie: {name: side}}}")
    )
    who = caller(result, "default/b")
    to = callee(result, "default/a", who.namespace)
    known = outbound(result, who, to, Request(headers=(("cookie", "side=dave"),)))
    assert [(s.backend, s.percent) for s in known.shares] == [("default/b:80", 100)]
    assert known.steps[-1].decision == "forward, to this caller's side by cookie side"
    unknown = outbound(result, who, to, Request())
    assert [(s.backend, s.percent) for s in unknown.shares] == [("default/a:80", 90), ("default/b:80", 10)]
    assert unknown.steps[-1].decision == "forward, without cookie side to a side by chance"


@pytest.mark.parametrize(("question", "status", "reason"), ENDS)
def test_what_weft_answers_itself_ends_there(question, status, reason):
    (share,) = ask(**question).shares
    assert (share.end.status, share.end.reason, share.backend) == (status, reason, "")


def test_an_unknown_destination_passes():
    found = ask(to="x.example")
    assert found.shares == ()
    assert "passed through" in found.steps[0].decision


def test_a_caller_without_proxy_takes_no_route():
    found = ask(source="default/bare", path="/other")
    assert [(s.backend, s.percent) for s in found.shares] == [("default/a:80", 100)]


def test_each_step_names_what_decided():
    assert [(s.table, s.rule_id) for s in ask().steps] == [
        ("resolve", "Service/default/a"),
        ("route", "HTTPRoute/default/r/0"),
    ]


def test_a_place_is_known_or_empty():
    result = compiled(service("a"))
    assert place(result, "Service/default/a") == "<input>:1:1"
    assert place(result, "") == place(result, "default") == ""
    assert end(result, "no-route", "Service/default/a").origin == "<input>:1:1"
