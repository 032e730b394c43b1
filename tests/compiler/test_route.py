import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.support import compiled, index_of, message, route, service, traffic
from weft.ask import core
from weft.ask.core import Request
from weft.compiler.attach import Effective
from weft.compiler.route import precedence, route_table
from weft.v1 import program_pb2 as pb


def table(*resources, **more):
    a = service("a", more.get("ports", "{ports: [{port: 80, name: http}], subsets: [{name: v2, labels: {v: b}}]}"))
    index = index_of(a, *resources)
    refs = sorted((r.ref for r in resources if r.kind == "HTTPRoute"), key=index.age)
    return route_table(index, refs, a.spec.ports[0], Effective(index, a, 80))


# Each wins over all that follow it, whatever order they are written in.
PRECEDENCE = [
    "{path: {type: Exact, value: /a/b}, method: GET}",
    "{path: {type: Exact, value: /a/b}}",
    "{path: {value: /a/b}}",
    "{path: {value: /a}, method: GET, headers: [{name: x, value: y}]}",
    "{path: {value: /a}, method: GET}",
    "{path: {value: /a}, headers: [{name: x, value: y}, {name: z, value: y}]}",
    "{path: {value: /a}, headers: [{name: x, value: y}], queryParams: [{name: q, value: r}]}",
    "{path: {value: /a/}, headers: [{name: x, value: y}]}",
    "{path: {value: /a}, queryParams: [{name: q, value: r}, {name: s, value: r}]}",
    "{path: {value: /a}, queryParams: [{name: q, value: r}]}",
    "{path: {value: /a}}",
    "{method: GET}",
    "{}",
    "{path: {type: RegularExpression, value: '/a/b/.*'}}",
]


@pytest.mark.parametrize("order", [1, -1])
def test_precedence_is_gateway_apis(order):
    rules = ", ".join(f"{{name: r{n}, matches: [{m}]}}" for n, m in list(enumerate(PRECEDENCE))[::order])
    found = [e.rule_id.rpartition("/r")[2] for e in table(route("x", rules)).entries]
    assert found == [str(n) for n in range(len(PRECEDENCE))]


def test_precedence_is_a_total_order_of_matches():
    matches = [route("x", f"{{matches: [{m}]}}").spec.rules[0].matches[0] for m in PRECEDENCE]
    for first, second in itertools.pairwise(precedence(m, (False, 1.0, 0, "a")) for m in matches):
        assert first < second


def test_among_equals_the_older_route_then_the_earlier_rule_wins():
    entries = table(route("z", "{}, {}"), route("a", "{}")).entries
    assert [e.rule_id for e in entries] == ["HTTPRoute/default/z/0", "HTTPRoute/default/z/1", "HTTPRoute/default/a/0"]


def test_each_match_is_an_entry_and_shares_the_rules_action():
    rules = "{matches: [{path: {value: /a}}, {path: {value: /b}}]}, {matches: [{path: {value: /c}}]}"
    found = table(route("x", rules))
    assert [(e.match.path_prefix, e.action) for e in found.entries] == [("/a", 0), ("/b", 0), ("/c", 1)]
    assert [a.rule_id for a in found.actions] == ["HTTPRoute/default/x/0", "HTTPRoute/default/x/1"]


def test_matches_are_said_in_the_contracts_words():
    match = (
        "{path: {type: RegularExpression, value: a+}, method: GET, headers: [{name: X-Y, value: z}],"
        " queryParams: [{type: RegularExpression, name: Q, value: r+}]}"
    )
    (entry,) = table(route("x", f"{{matches: [{match}]}}")).entries
    assert (entry.match.path_regex, entry.match.method) == ("a+", "GET")
    assert [(h.name, h.exact) for h in entry.match.headers] == [("x-y", "z")]
    assert [(q.name, q.regex) for q in entry.match.query] == [("Q", "r+")]
    assert list(entry.requires) == ["route.header.exact", "route.method", "route.path.regex", "route.query.regex"]


@pytest.mark.parametrize(("written", "compiled_as"), [("/", "/"), ("/a/", "/a"), ("/a", "/a")])
def test_a_prefix_has_no_final_slash(written, compiled_as):
    (entry,) = table(route("x", f"{{matches: [{{path: {{value: {written}}}}}]}}")).entries
    assert entry.match.path_prefix == compiled_as


def shares(backends):
    (action,) = table(route("x", f"{{backendRefs: [{backends}]}}")).actions
    return [(b.backend, b.weight, bool(b.invalid)) for b in action.split.backends]


SPLITS = {
    "weights stay as written": (
        "{name: a, port: 80, weight: 90}, {name: a, port: 80, subset: v2, weight: 10}",
        [("default/a:80", 90, False), ("default/a:80[v2]", 10, False)],
    ),
    "a share of nothing is left out": (
        "{name: a, port: 80}, {name: a, port: 80, subset: v2, weight: 0}",
        [("default/a:80", 1, False)],
    ),
    "an invalid backend keeps its share": (
        "{name: a, port: 80, weight: 3}, {name: b, port: 80}",
        [("default/a:80", 3, False), ("", 1, True)],
    ),
    "no weight at all is a 500": ("{name: a, port: 80, weight: 0}", [("", 1, True)]),
}


@pytest.mark.parametrize(("backends", "expected"), SPLITS.values(), ids=SPLITS)
def test_a_split_has_shares(backends, expected):
    assert shares(backends) == expected


TWO_SIDES = "{name: a, port: 80, weight: 9}, {name: a, port: 80, subset: v2}"
STICKY = {
    "by header": (TWO_SIDES, "{header: X-User}", "header", pb.Sticky(header="x-user")),
    "by a cookie of the app": (
        TWO_SIDES,
        "{cookie: {name: Side}}",
        "cookie",
        pb.Sticky(cookie=pb.StickyCookie(name="Side")),
    ),
    "by a cookie of weft": (
        TWO_SIDES,
        "{cookie: {name: side, ttl: 1h}}",
        "cookie",
        pb.Sticky(cookie=pb.StickyCookie(name="side", ttl_ms=3_600_000)),
    ),
    "one side needs nothing": ("{name: a, port: 80}, {name: b, port: 80, weight: 0}", "{header: x-user}", "", None),
    "nor does no side": ("{name: a, port: 80, weight: 0}", "{header: x-user}", "", None),
}


@pytest.mark.parametrize(("backends", "sticky", "by", "expected"), STICKY.values(), ids=STICKY)
def test_a_policy_keeps_callers_on_their_side(backends, sticky, by, expected):
    policy = traffic("t", f"split: {{sticky: {sticky}}}")
    (action,) = table(route("x", f"{{backendRefs: [{backends}]}}"), policy).actions
    assert (action.split.sticky if action.split.HasField("sticky") else None) == expected
    assert [n for n in action.requires if "sticky" in n] == ([f"route.split.sticky.{by}"] if by else [])


def test_a_rule_without_backends_is_a_500():
    (action,) = table(route("x", "{}")).actions
    assert [(b.backend, b.invalid) for b in action.split.backends] == [("", "the rule has no backendRefs")]


def test_a_redirect_has_no_split():
    (action,) = table(route("x", "{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}")).actions
    assert action.WhichOneof("target") == "redirect"
    assert list(action.requires) == ["route.redirect"]


def test_filters_and_limits_are_the_actions():
    rule = (
        "{backendRefs: [{name: a, port: 80, filters: [{type: RequestHeaderModifier, requestHeaderModifier: "
        "{remove: [a]}}]}], timeouts: {request: 1s}, retry: {}, filters: ["
        "{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}},"
        "{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [a]}},"
        "{type: URLRewrite, urlRewrite: {hostname: b, path: {type: ReplaceFullPath, replaceFullPath: /}}}]}"
    )
    (action,) = table(route("x", rule)).actions
    assert list(action.requires) == [
        "route.request-headers",
        "route.response-headers",
        "route.retry",
        "route.rewrite.host",
        "route.rewrite.path",
        "route.split",
        "route.split.headers",
        "route.timeouts",
    ]


def test_a_routes_own_limits_stand_above_the_policys():
    policy = traffic("t", "timeouts: {request: 9s}, retry: {attempts: 5}")
    own, shared = table(route("x", "{timeouts: {request: 1s}, retry: {attempts: 1}}, {name: shared}"), policy).actions
    assert (own.timeouts.request_ms, own.retry.attempts) == (1_000, 1)
    assert (shared.timeouts.request_ms, shared.retry.attempts) == (9_000, 5)


def test_routes_not_stored_yet_count_in_file_order():
    found = message(
        compiled(service("a"), route("z", "{}"), route("b", "{}"), stored=False), "Frontend", "default/a:80@*"
    )
    assert [e.rule_id for e in found.routes] == ["HTTPRoute/default/z/0", "HTTPRoute/default/b/0"]


# ----------------------------------------------------------------------------------- Gateway API's words, said naively

PATHS = [("Exact", "/a"), ("Exact", "/a/b"), ("PathPrefix", "/"), ("PathPrefix", "/a"), ("PathPrefix", "/a/b/")]
PATHS += [("RegularExpression", "/a.*"), ("RegularExpression", "/[ab]/?.*")]
FIELDS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=2)
MATCHES = st.tuples(st.sampled_from(PATHS), st.sampled_from([None, "GET", "PUT"]), FIELDS, FIELDS)
ROUTES = st.lists(st.lists(st.lists(MATCHES, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3)


def written(match):
    (kind, path), method, headers, query = match
    parts = [f"path: {{type: {kind}, value: '{path}'}}"] + ([f"method: {method}"] if method else [])
    for name, fields in (("headers", headers), ("queryParams", query)):
        parts.append(f"{name}: [{', '.join(f'{{name: {n}, value: {v!r}}}' for n, v in fields.items())}]")
    return f"{{{', '.join(parts)}}}"


def holds(match, request):
    (kind, path), method, headers, query = match
    asked, given_headers, given_query = request.path.partition("?")[0], dict(request.headers), query_of(request)
    if kind == "Exact":
        on_path = asked == path
    elif kind == "PathPrefix":
        on_path = (asked + "/").startswith(path.rstrip("/") + "/")
    else:
        on_path = re.fullmatch(path, asked) is not None
    fits = all(given_headers.get(n) == v for n, v in headers.items())
    return (
        on_path and method in (None, request.method) and fits and all(given_query.get(n) == v for n, v in query.items())
    )


def query_of(request):
    return dict(pair.split("=") for pair in request.path.partition("?")[2].split("&") if pair)


def weight(match):
    """HTTPRouteRule.matches: a larger one wins."""
    (kind, path), method, headers, query = match
    rank = {"Exact": 2, "PathPrefix": 1, "RegularExpression": 0}[kind]
    return rank, len(path.rstrip("/")) if rank == 1 else 0, method is not None, len(headers), len(query)


def asked(method, path, headers, query):
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return Request(method, f"{path}?{text}" if text else path, "a", tuple(headers.items()))


TARGETS = st.sampled_from(["/", "/a", "/a/b", "/a/b/c", "/ab", "/b"])
REQUESTS = st.lists(st.builds(asked, st.sampled_from(["GET", "PUT"]), TARGETS, FIELDS, FIELDS), min_size=1, max_size=8)


@settings(deadline=None)
@given(ROUTES, REQUESTS)
def test_what_wins_is_what_gateway_api_says(routes, requests):
    names = [f"r{9 - n}" for n in range(len(routes))]  # the older one has the later name
    made = [
        route(name, ", ".join(f"{{matches: [{', '.join(map(written, rule))}]}}" for rule in rules))
        for name, rules in zip(names, routes, strict=True)
    ]
    frontend = message(compiled(service("a"), *made), "Frontend", "default/a:80@*")
    for request in requests:
        best, wins = None, ""
        for name, rules in zip(names, routes, strict=True):
            for number, rule in enumerate(rules):
                for match in rule:
                    if holds(match, request) and (best is None or weight(match) > best):
                        best, wins = weight(match), f"HTTPRoute/default/{name}/{number}"
        assert core.route(frontend, request).rule_id == wins
