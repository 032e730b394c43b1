import json

from weft.compiler import core
from weft.v1 import program_pb2 as pb


def test_the_core_takes_what_is_good_and_says_why_it_refuses():
    assert core.check("Mesh", pb.Mesh(name="mesh", trust_domain="td").SerializeToString()) is None
    entry = pb.RouteEntry(rule_id="r", match=pb.RouteMatch(path_regex="("))
    bad = pb.Frontend(name="default/a:80@*", has_routes=True, routes=[entry], actions=[pb.RouteAction()])
    assert core.check("Frontend", bad.SerializeToString())


def test_the_core_declares_its_tables_and_capabilities():
    assert [t["name"] for t in json.loads(core.tables())][:2] == ["resolve", "route"]
    assert "route.path.exact" in core.capabilities()
