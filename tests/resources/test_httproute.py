import pytest

from tests.resources.support import complaints, one

PARENT = '{group: "", kind: Service, name: a}'


def spec(rules: str, parents: str = PARENT) -> str:
    return f"{{parentRefs: [{parents}], rules: [{rules}]}}"


def test_defaults_are_gateway_apis():
    route = one("HTTPRoute", f"{{parentRefs: [{PARENT}]}}")
    (rule,) = route.spec.rules
    assert rule.matches == rule.backend_refs == ()
    route = one("HTTPRoute", spec("{matches: [{}], backendRefs: [{name: b, port: 80}]}"))
    (match,), (backend,) = route.spec.rules[0].matches, route.spec.rules[0].backend_refs
    assert (match.path.type, match.path.value, match.method) == ("PathPrefix", "/", None)
    assert (backend.group, backend.kind, backend.weight, backend.namespace) == ("", "Service", 1, None)
    redirect = "{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}"
    assert one("HTTPRoute", spec(redirect)).spec.rules[0].filters[0].request_redirect.status_code == 302


def test_a_rule_id_uses_the_name_that_stays():
    route = one("HTTPRoute", spec("{}, {name: canary}, {name: '7'}"))
    ids = [route.rule_id(n).removeprefix("HTTPRoute/default/x/") for n in range(3)]
    assert ids == ["0", "canary", "2"]


def match(text: str) -> str:
    return spec(f"{{matches: [{text}]}}")


def filters(text: str, more: str = "") -> str:
    return spec(f"{{filters: [{text}]{more}}}")


PREFIX = "{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}"

WRONG = {
    "a gateway is no parent yet": (spec("{}", "{name: a}"), "not supported yet: a route attached to a Gateway"),
    "another group": (spec("{}", "{group: x, kind: Service, name: a}"), "'x' has no kind Service"),
    "no parents": ("{parentRefs: []}", "at least 1"),
    "a path without slash": (match("{path: {value: a}}"), 'write "/a"'),
    "a path that cannot come": (match("{path: {value: /a//b}}"), "'//'"),
    "a path with a query": (match("{path: {type: Exact, value: '/a?b'}}"), "'?'"),
    "a path with dots": (match("{path: {value: /a/..}}"), "dot segment"),
    "an unknown match type": (match("{path: {type: Prefix, value: /a}}"), 'did you mean "PathPrefix"?'),
    "a pattern that needs memory": (match("{path: {type: RegularExpression, value: '(a)\\1'}}"), "back-reference"),
    "a header pattern too": (match("{headers: [{type: RegularExpression, name: a, value: (?=b)}]}"), "look-ahead"),
    "a header twice": (match("{headers: [{name: A, value: b}, {name: a, value: c}]}"), "'a' twice"),
    "a parameter twice": (match("{queryParams: [{name: a, value: b}, {name: a, value: c}]}"), "'a' twice"),
    "a filter twice": (filters("{type: URLRewrite, urlRewrite: {}}, {type: URLRewrite, urlRewrite: {}}"), "twice"),
    "redirect and rewrite": (
        filters("{type: URLRewrite, urlRewrite: {}}, {type: RequestRedirect, requestRedirect: {}}"),
        "either redirects or rewrites",
    ),
    "redirect and backends": (
        filters("{type: RequestRedirect, requestRedirect: {}}", ", backendRefs: [{name: a, port: 80}]"),
        "no backendRefs",
    ),
    "a prefix replaced that is none": (
        filters(PREFIX, ", matches: [{path: {type: Exact, value: /a}}]"),
        "needs a PathPrefix",
    ),
    "a rewrite on a backend": (
        spec("{backendRefs: [{name: a, port: 80, filters: [{type: URLRewrite, urlRewrite: {}}]}]}"),
        "put it on the rule",
    ),
    "a backend without port": (spec("{backendRefs: [{name: a}]}"), "port is missing"),
    "a try longer than all": (spec("{timeouts: {request: 1s, backendRequest: 2s}}"), "longer than request"),
    "a code that is no error": (spec("{retry: {codes: [200]}}"), "not an error status"),
    "two rules of one name": (spec("{name: a}, {name: a}"), "'a' twice"),
    "a field of the standard": (spec("{sessionPersistence: {}}"), "not supported yet: sessionPersistence"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused(text, says):
    found = complaints("HTTPRoute", text)
    assert len(found) == 1, found
    assert says in found[0]


RIGHT = {
    "no timeout at all": "{timeouts: {request: 0s, backendRequest: 10s}}",
    "a replaced prefix": f"{{filters: [{PREFIX}], matches: [{{path: {{value: /a}}}}]}}",
    "a replaced prefix of every path": f"{{filters: [{PREFIX}]}}",
    "headers on a backend": (
        "{backendRefs: [{name: a, port: 80, subset: v2, weight: 0, filters: "
        "[{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: a, value: b}]}}]}]}"
    ),
    "a core or a weft service": "{backendRefs: [{group: weft, kind: Service, name: a, port: 80}]}",
}


@pytest.mark.parametrize("rule", RIGHT.values(), ids=RIGHT)
def test_it_is_taken(rule):
    assert complaints("HTTPRoute", spec(rule)) == []
