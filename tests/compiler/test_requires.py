import pytest

from weft.compiler import core, requires
from weft.v1 import program_pb2 as pb

F, H = pb.FieldMatch, pb.HeaderEdit()

MATCHES = [
    (pb.RouteMatch(path_exact="/"), "route.path.exact"),
    (pb.RouteMatch(path_prefix="/"), "route.path.prefix"),
    (pb.RouteMatch(path_regex="/"), "route.path.regex"),
    (pb.RouteMatch(), "route.path.prefix"),
    (pb.RouteMatch(path_exact="/", method="GET"), "route.method route.path.exact"),
    *(
        (
            pb.RouteMatch(path_exact="/", **{part: [F(name="a", **{kind: value})]}),
            f"route.{name}.{kind} route.path.exact",
        )
        for part, name in (("headers", "header"), ("query", "query"))
        for kind, value in (("exact", "b"), ("regex", "b"), ("present", True), ("prefix", "b"), ("suffix", "b"))
    ),
    (
        pb.RouteMatch(path_exact="/", headers=[F(name="a", exact="b", invert=True)]),
        "route.header.exact route.header.invert route.path.exact",
    ),
]


@pytest.mark.parametrize(("match", "names"), MATCHES)
def test_each_part_of_a_match_has_a_name(match, names):
    assert sorted(requires.of_entry(match)) == sorted(names.split())


ACTIONS = [
    (pb.RouteAction(), "route.split"),
    (pb.RouteAction(redirect=pb.Redirect()), "route.redirect"),
    (pb.RouteAction(fixed=pb.FixedResponse()), "route.fixed"),
    (pb.RouteAction(request_headers=H), "route.request-headers route.split"),
    (pb.RouteAction(response_headers=H), "route.response-headers route.split"),
    (pb.RouteAction(rewrite=pb.Rewrite(host="a")), "route.rewrite.host route.split"),
    (pb.RouteAction(rewrite=pb.Rewrite(prefix="")), "route.rewrite.path route.split"),
    (pb.RouteAction(timeouts=pb.Timeouts()), "route.split route.timeouts"),
    (pb.RouteAction(retry=pb.RetryPolicy()), "route.retry route.split"),
    (
        pb.RouteAction(split=pb.Split(backends=[pb.WeightedBackend(request_headers=H)])),
        "route.split route.split.headers",
    ),
]


@pytest.mark.parametrize(("action", "names"), ACTIONS)
def test_each_part_of_an_action_has_a_name(action, names):
    assert requires.of_action(action) == names.split()


SOURCES = [
    (pb.Source(), ""),
    (pb.Source(principals=["spiffe://a/b"]), "access.principal"),
    (pb.Source(principals=["*"]), "access.principal access.principal.prefix"),
    (pb.Source(not_principals=["a*"]), "access.not-source access.principal access.principal.prefix"),
    (pb.Source(namespaces=["a"]), "access.namespace"),
    (pb.Source(services=["a"]), "access.service"),
    (pb.Source(not_ip_blocks=["a"]), "access.ip-block access.not-source"),
]
OPERATIONS = [
    (pb.Operation(), ""),
    (pb.Operation(hosts=["a"]), "access.host"),
    (pb.Operation(not_ports=[1]), "access.not-operation access.port"),
    (pb.Operation(methods=["GET"]), "access.method"),
    (pb.Operation(paths=[pb.PathMatch(template="/")]), "access.path.template"),
    (pb.Operation(not_paths=[pb.PathMatch(suffix="/")]), "access.not-operation access.path.suffix"),
    (pb.Operation(headers=[F(name="a", exact="b")]), "access.header"),
]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        *((pb.AccessRule(action=2, sources=[source]), f"access.allow {names}") for source, names in SOURCES),
        *((pb.AccessRule(action=1, operations=[op]), f"access.deny {names}") for op, names in OPERATIONS),
        (pb.AccessRule(action=2, audit=True), "access.allow access.audit"),
    ],
)
def test_each_part_of_an_access_rule_has_a_name(rule, names):
    assert requires.of_access(rule) == sorted(names.split())


def test_endpoints_say_how_they_are_reached():
    endpoints = [pb.Endpoint(identity="a"), pb.Endpoint(), pb.Endpoint(weight=2), pb.Endpoint(priority=1)]
    names = [" ".join(sorted(requires.of_endpoints([e]))) for e in endpoints]
    assert names == [
        "connect.mtls",
        "connect.plaintext",
        "balance.weight connect.plaintext",
        "balance.priority connect.plaintext",
    ]


def test_an_inbound_port_has_a_mode_and_perhaps_health():
    port = pb.InboundPort(tls=pb.TLS_MODE_STRICT, timeouts=pb.Timeouts(), health=pb.HealthCheck(grpc_service=""))
    assert requires.of_inbound_port(port) == {"accept.tls.strict", "deliver.timeouts", "health.grpc"}


def test_every_name_that_was_tested_here_is_one_that_the_core_knows():
    names = {n for rows in (MATCHES, ACTIONS, SOURCES, OPERATIONS) for _, text in rows for n in text.split()}
    assert names <= core.capabilities()
