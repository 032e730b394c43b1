from tests.compiler.support import compiled, mesh, message, route, service, traffic
from weft.resources import Ref
from weft.v1 import program_pb2 as pb

PORTS = "{ports: [{port: 80, name: http}, {port: 81, protocol: GRPC}, {port: 90, protocol: TCP}, {port: 91}]}"


def keys(result):
    return sorted(key for kind, key in result.delivered if kind == "Frontend")


def test_each_port_is_a_frontend():
    result = compiled(service("a", PORTS))
    assert keys(result) == [f"default/a:{port}@*" for port in (80, 81, 90, 91)]
    protocols = [message(result, "Frontend", key).protocol for key in keys(result)]
    assert protocols == [
        pb.APP_PROTOCOL_HTTP1,
        pb.APP_PROTOCOL_GRPC,
        pb.APP_PROTOCOL_TCP,
        pb.APP_PROTOCOL_DETECT,
    ]


def test_consumer_routes_make_a_frontend_of_their_own_that_has_nothing_of_the_producers():
    result = compiled(service("a"), route("p", "{}"), route("c", "{}", namespace="shop"))
    assert keys(result) == ["default/a:80@*", "default/a:80@shop"]
    assert [e.rule_id for e in message(result, "Frontend", "default/a:80@shop").routes] == ["HTTPRoute/shop/c/0"]
    assert [e.rule_id for e in message(result, "Frontend", "default/a:80@*").routes] == ["HTTPRoute/default/p/0"]


def test_a_consumer_route_for_one_port_leaves_the_others():
    ports = "{ports: [{port: 80}, {port: 81}]}"
    result = compiled(service("a", ports), route("c", "{}", namespace="shop", more=", port: 81"))
    assert keys(result) == ["default/a:80@*", "default/a:81@*", "default/a:81@shop"]


def test_without_routes_everything_goes_to_the_service():
    found = message(compiled(service("a"), traffic("t", "retry: {attempts: 3}")), "Frontend", "default/a:80@*")
    assert (found.has_routes, found.default_backend) == (False, "default/a:80")
    assert (found.default_action.rule_id, found.default_action.retry.attempts) == ("Service/default/a", 3)


def test_with_routes_nothing_goes_around_them():
    found = message(compiled(service("a"), route("r", "{}")), "Frontend", "default/a:80@*")
    assert (found.has_routes, found.default_backend) == (True, "")
    assert not found.HasField("default_action")


def test_it_is_known_by_short_and_long_names():
    result = compiled(service("a", namespace="shop"), mesh("{suffixes: [mesh, svc.cluster.local]}"))
    names = ["a", "a.shop", "a.shop.mesh", "a.shop.svc.cluster.local"]
    assert list(message(result, "Frontend", "shop/a:80@*").hosts) == names


def test_what_it_needs_comes_endpoints_first():
    rules = "{backendRefs: [{name: b, port: 80}, {name: a, port: 80}, {name: gone, port: 80}]}"
    delivered = compiled(service("a"), service("b"), route("r", rules)).delivered["Frontend", "default/a:80@*"]
    assert delivered.needs == (
        ("Endpoints", "default/a:80"),
        ("Endpoints", "default/b:80"),
        ("Backend", "default/a:80"),
        ("Backend", "default/b:80"),
    )


def test_it_is_traced_to_all_that_shaped_it():
    result = compiled(service("a"), route("r", "{}"), traffic("t", "retry: {}"), mesh("{}"))
    assert {str(ref) for ref in result.delivered["Frontend", "default/a:80@*"].origins} == {
        "Service/default/a",
        "HTTPRoute/default/r",
        "TrafficPolicy/default/t",
        "Mesh/default/mesh",
    }
    assert result.by_origin[Ref("HTTPRoute", "default", "r")] == {("Frontend", "default/a:80@*")}


def test_it_requires_what_its_rules_require():
    result = compiled(service("a"), route("r", "{matches: [{method: GET}], timeouts: {request: 1s}}"))
    assert result.delivered["Frontend", "default/a:80@*"].requires == {
        "route.method",
        "route.path.prefix",
        "route.split",
        "route.timeouts",
    }
