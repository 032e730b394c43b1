import pytest

from tests.compiler.support import access, compiled, index_of, mesh, message, service, workload
from weft.compiler.authorise import accounts_of, policies_for, rules_require
from weft.v1 import program_pb2 as pb

TWO = "{ports: [{port: 80, name: http}, {port: 81}]}"


def ports(*parts):
    return message(compiled(service("a", TWO), workload("x"), *parts), "Inbound", "default/x").ports


def ids(port):
    return [r.rule_id.removeprefix("AccessPolicy/default/") for r in port.access]


def test_deny_stands_before_allow_before_audit_and_each_in_order_of_name():
    found = ports(
        access("z-allow", "{rules: [{}, {}]}"),
        access("b-audit", "{audit: true, action: Deny, rules: [{}]}"),
        access("y-deny", "{action: Deny, rules: [{}]}"),
        access("c-allow", "{rules: [{}]}"),
        access("a-deny", "{action: Deny, rules: [{}]}"),
        access("a-audit", "{audit: true, rules: [{}]}"),
    )[0]
    order = ["a-deny/0", "y-deny/0", "c-allow/0", "z-allow/0", "z-allow/1", "a-audit/0", "b-audit/0"]
    assert ids(found) == order
    assert [r.audit for r in found.access] == [False] * 5 + [True] * 2


def test_rules_keep_their_order_beyond_ten():
    (policy,) = [access("p", f"{{rules: [{', '.join(['{}'] * 12)}]}}")]
    assert ids(ports(policy)[0]) == [f"p/{n}" for n in range(12)]


ALLOW, DENY = pb.ACCESS_DEFAULT_ALLOW, pb.ACCESS_DEFAULT_DENY

DEFAULTS = {
    "nothing said": ([], ALLOW, "default"),
    "the mesh": ([mesh("{access: {default: deny}}")], DENY, "Mesh/default/mesh"),
    "an open mesh": ([mesh("{}")], ALLOW, "Mesh/default/mesh"),
    "an allow": ([access("p", "{rules: [{}]}")], DENY, "AccessPolicy/default/p"),
    "an allow of nothing": ([access("p", "{}")], DENY, "AccessPolicy/default/p"),
    "a deny": ([access("p", "{action: Deny, rules: [{}]}")], ALLOW, "default"),
    "an allow that only watches": ([access("p", "{audit: true, rules: [{}]}")], ALLOW, "default"),
    "the first of two": ([access("q", "{}"), access("p", "{}")], DENY, "AccessPolicy/default/p"),
    "somebody else's": ([access("p", "{targetRefs: [{name: b}]}")], ALLOW, "default"),
}


@pytest.mark.parametrize(("parts", "otherwise", "origin"), DEFAULTS.values(), ids=DEFAULTS)
def test_what_no_rule_matches_has_a_default_with_an_origin(parts, otherwise, origin):
    found = ports(*parts)[0]
    assert (found.otherwise, found.otherwise_origin) == (otherwise, origin)


def test_a_policy_for_a_port_leaves_the_others():
    by_number, by_name = (
        ports(access("p", f"{{targetRefs: [{{name: a, {which}}}], rules: [{{}}]}}"))
        for which in ("port: 80", "sectionName: http")
    )
    for found in (by_number, by_name):
        assert [(ids(p), p.otherwise) for p in found] == [(["p/0"], DENY), ([], ALLOW)]


COVERS = [
    ("{}", "default", True),
    ("{}", "shop", False),
    ("{targetRefs: [{name: a}]}", "default", True),
    ("{targetRefs: [{name: a}]}", "shop", False),
    ("{targetRefs: [{name: b}]}", "default", False),
    ("{selector: {labels: {app: x}}}", "default", True),
    ("{selector: {labels: {version: v1}}}", "default", True),
    ("{selector: {labels: {app: x, version: v2}}}", "default", False),
]


@pytest.mark.parametrize(("spec", "namespace", "covered"), COVERS)
def test_a_policy_covers_by_target_selector_or_namespace(spec, namespace, covered):
    a, x = service("a"), workload("x", version="v1", labels={"app": "x"})
    found = policies_for(index_of(a, x, access("p", spec, namespace)), a, x)
    assert bool(found) is covered


def test_services_are_the_accounts_that_may_serve_them():
    index = index_of(
        service("a"), service("b", "{ports: [{port: 80}], identities: [b1, b2]}"), service("c", namespace="shop")
    )
    assert accounts_of(index, "default", ("b", "a", "shop/c", "gone", "shop/gone")) == [
        "default/a",
        "default/b1",
        "default/b2",
        "default/gone",
        "shop/c",
        "shop/gone",
    ]


def test_a_grpc_method_is_a_path():
    (rule,) = ports(access("p", "{rules: [{to: [{grpcMethods: [shop.v1.Books/Get, 'shop.v1.Carts/*']}]}]}"))[0].access
    exact, template = rule.operations[0].paths
    assert (exact.exact, template.template) == ("/shop.v1.Books/Get", "/shop.v1.Carts/{*}")
    assert list(rule.requires) == ["access.allow", "access.path.exact", "access.path.template"]


def test_sources_and_operations_are_said_in_the_contracts_words():
    text = (
        "{rules: [{from: [{principals: ['*'], namespaces: [n], services: [s], ipBlocks: [192.0.2.0/24],"
        " notPrincipals: [spiffe://d/ns/x/sa/y], notNamespaces: [m], notServices: [t], notIpBlocks: ['::1']}],"
        " to: [{hosts: [h], ports: [80], methods: [GET], paths: [{exact: /e}, {prefix: /p}, {suffix: s},"
        " {template: '/{*}'}], headers: [{name: A, present: true, invert: true}, {name: B, regex: 'b+'}],"
        " notHosts: [i], notPorts: [81], notMethods: [PUT], notPaths: [{exact: /f}]}]}]}"
    )
    (rule,) = ports(access("p", text))[0].access
    (source,), (operation,) = rule.sources, rule.operations
    assert [list(source.principals), list(source.services), list(source.not_services)] == [
        ["*"],
        ["default/s"],
        ["default/t"],
    ]
    assert [list(source.ip_blocks), list(source.not_ip_blocks)] == [["192.0.2.0/24"], ["::1/128"]]
    assert [p.WhichOneof("path") for p in operation.paths] == ["exact", "prefix", "suffix", "template"]
    assert [(h.name, h.WhichOneof("value"), h.invert) for h in operation.headers] == [
        ("a", "present", True),
        ("b", "regex", False),
    ]
    assert [list(operation.not_hosts), list(operation.not_ports)] == [["i"], [81]]
    assert {n.removeprefix("access.") for n in rule.requires} == {
        "allow",
        "principal",
        "principal.prefix",
        "namespace",
        "service",
        "ip-block",
        "not-source",
        "host",
        "port",
        "method",
        "path.exact",
        "path.prefix",
        "path.suffix",
        "path.template",
        "header",
        "not-operation",
    }


@pytest.mark.parametrize(
    ("rule", "safe"),
    [
        ("{}", False),
        ("{to: [{ports: [80]}]}", False),
        ("{to: [{methods: [GET]}]}", True),
        ("{to: [{hosts: [a]}]}", True),
    ],
)
def test_where_a_rule_looks_at_http_ambiguous_paths_are_refused(rule, safe):
    assert ports(access("p", f"{{rules: [{rule}]}}"))[0].path_safety == safe


def test_what_a_policy_requires_is_worked_out_once_and_again_after_a_change():
    policy = access("p", "{rules: [{from: [{namespaces: [n]}]}]}")
    index = index_of(policy)
    assert rules_require(index, policy.ref) == {"access.allow", "access.namespace"}
    assert index.access_requires.keys() == {policy.ref}
