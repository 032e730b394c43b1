import pytest

from tests.resources.support import complaints, one


def source(text: str) -> str:
    return f"{{rules: [{{from: [{{{text}}}]}}]}}"


def operation(text: str) -> str:
    return f"{{rules: [{{to: [{{{text}}}]}}]}}"


def test_an_allow_without_rules_is_how_everything_is_refused():
    spec = one("AccessPolicy", "{}").spec
    assert (spec.action, spec.audit, spec.rules, spec.target_refs, spec.selector) == ("Allow", False, (), (), None)


def test_fields_that_only_http_has_are_known_as_such():
    spec = one("AccessPolicy", operation("hosts: [a], notPaths: [{exact: /b}], ports: [80], notPorts: [81]")).spec
    assert spec.rules[0].to[0].http_fields == ("hosts", "notPaths")
    spec = one("AccessPolicy", operation("grpcMethods: [a.B/C]")).spec
    assert spec.rules[0].to[0].http_fields == ("grpcMethods",)


@pytest.mark.parametrize(
    ("text", "port", "concerned"),
    [("", 80, True), ("ports: [80]", 80, True), ("ports: [80]", 81, False), ("notPorts: [80]", 80, False)],
)
def test_an_operation_concerns_ports(text, port, concerned):
    (found,) = one("AccessPolicy", operation(text)).spec.rules[0].to
    assert found.concerns(port) is concerned


RIGHT = [
    source("principals: ['*', spiffe://weft.local/ns/a/sa/b, spiffe://weft.local/ns/a/*]"),
    source("services: [a, shop/b], notServices: [shop/c], namespaces: [shop], notNamespaces: [x]"),
    source("ipBlocks: [192.0.2.0/24, '2001:db8::1'], notIpBlocks: [192.0.2.7]"),
    operation("hosts: ['*.default.mesh', a, '*'], methods: [GET, PURGE]"),
    operation("paths: [{exact: /a}, {prefix: /a/}, {suffix: .json}, {template: '/a/{*}/b/{**}'}, {template: /}]"),
    operation("grpcMethods: [shop.v1.Books/Get, Books/Get_2, shop.v1.Books/*]"),
    operation("headers: [{name: X, present: true, invert: true}, {name: Y, regex: 'a+'}]"),
    "{action: Deny, rules: [{}]}",
    "{selector: {labels: {app: a}}}",
]


@pytest.mark.parametrize("text", RIGHT)
def test_it_is_taken(text):
    assert complaints("AccessPolicy", text) == []


def path(text: str) -> str:
    return operation(f"paths: [{text}]")


WRONG = {
    "a double slash": (path("{exact: /a//b}"), "'//'"),
    "an escaped slash": (path("{prefix: /a%2Fb}"), "'%2F'"),
    "an escaped backslash": (path("{suffix: '%5c'}"), "'%5c'"),
    "a zero byte": (path("{exact: '/a%00'}"), "'%00'"),
    "a backslash": (path("{exact: '/a\\b'}"), "which requests are refused for"),
    "a parameter": (path("{exact: /a;b}"), "';'"),
    "a query": (path("{exact: '/a?b'}"), "'?'"),
    "a dot segment": (path("{exact: /a/../b}"), "'/../'"),
    "a final dot segment": (path("{prefix: /a/.}"), "'/.'"),
    "a dot segment in a template": (path("{template: '/a/../{*}'}"), "'/../'"),
    "a relative path": (path("{exact: a}"), 'write "/a"'),
    "a star that is none": (path("{prefix: '/a/*'}"), "use prefix, suffix or template"),
    "half a segment": (path("{template: '/a{*}'}"), "one whole segment"),
    "many in the middle": (path("{template: '/{**}/a'}"), "only at the end"),
    "nothing to match": (path("{}"), "exactly one of"),
    "two ways to match": (path("{exact: /a, prefix: /a}"), "exactly one of"),
    "a path as a word": (path("/a"), "not a mapping"),
    "a gRPC method without its service": (operation("grpcMethods: [Get]"), "is not a gRPC method"),
    "a gRPC method as a path": (operation("grpcMethods: [/shop.v1.Books/Get]"), "is not a gRPC method"),
    "a part of a gRPC method": (operation("grpcMethods: ['shop.v1.Books/Get*']"), "is not a gRPC method"),
    "a gRPC method and a path": (operation("grpcMethods: [a/B], paths: [{exact: /}]"), "make two operations"),
    "a name for a principal": (source("principals: [reviews]"), "not a principal"),
    "a star in the middle": (source("principals: ['spiffe://*/ns/a']"), "not a principal"),
    "a service with a path": (source("services: [a/b/c]"), "not a service"),
    "host bits": (source("ipBlocks: [192.0.2.7/24]"), 'write "192.0.2.0/24"'),
    "a host with a port": (operation("hosts: ['a:80']"), "a name without port"),
    "a header without value": (operation("headers: [{name: a}]"), "exactly one of"),
    "a deny of nothing": ("{action: Deny}", "denies nothing"),
    "two ways to aim": ("{targetRefs: [{name: a}], selector: {labels: {a: b}}}", "not both"),
    "a selector of nothing": ("{selector: {labels: {}}}", "at least 1"),
    "an unknown action": ("{action: allow}", 'did you mean "Allow"?'),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused(text, says):
    found = complaints("AccessPolicy", text)
    assert len(found) == 1, found
    assert says in found[0]
