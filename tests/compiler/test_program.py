import pytest
from google.protobuf import json_format

from tests.compiler.support import compiled, route, service, workload
from weft.compiler.program import build_program, program_of, to_json
from weft.v1 import program_pb2 as pb


def launch(service="", **more):
    return pb.Launch(workload=pb.Workload(namespace="default", name="x", service=service), **more)


INBOUND = [pb.InboundListener(address="127.0.0.1:0", port=80, app="127.0.0.1:1")]


def test_it_holds_what_clients_of_the_namespace_may_call():
    result = compiled(
        service("a"), service("b"), route("r", "{}", namespace="shop"), route("s", "{}", to="b", namespace="other")
    )
    program = build_program(result, "shop", launch())
    assert [f.name for f in program.frontends] == ["default/a:80@shop", "default/b:80@*"]
    assert [b.name for b in program.backends] == [e.name for e in program.endpoints] == ["default/b:80"]
    assert program.mesh.trust_domain == "weft.local"
    assert not program.inbounds


def test_a_workload_that_listens_gets_its_inbound():
    program = build_program(compiled(service("a"), workload("x")), "default", launch("default/a", inbound=INBOUND))
    assert [i.name for i in program.inbounds] == ["default/x"]


def test_an_inbound_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="default/x"):
        build_program(compiled(service("a")), "default", launch("default/a", inbound=INBOUND))


def test_from_resources_alone_the_launchs_workload_is_known():
    program = program_of([service("a")], launch("default/a", inbound=INBOUND), "td")
    assert [(i.name, i.service) for i in program.inbounds] == [("default/x", "default/a")]


def test_it_reads_back_from_json():
    program = build_program(compiled(service("a"), route("r", "{}")), "default", launch())
    assert json_format.Parse(to_json(program), pb.Program()) == program
