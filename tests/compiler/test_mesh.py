from tests.compiler.support import compiled, mesh, message
from weft.compiler import Snapshot, World, compile_all
from weft.v1 import program_pb2 as pb


def test_without_a_mesh_every_default_stands():
    found = message(compiled(), "Mesh", "mesh")
    assert (found.trust_domain, list(found.suffixes), found.refuse_unknown) == ("weft.local", ["mesh"], False)
    assert (found.timeouts.request_ms, found.timeouts.stream_idle_ms) == (0, 300_000)
    assert found.access_log == pb.ACCESS_LOG_ERRORS


def test_it_says_what_is_written():
    result = compiled(mesh("{egress: refuse, suffixes: [a, b], accessLog: all}"))
    found = message(result, "Mesh", "mesh")
    assert (found.refuse_unknown, list(found.suffixes), found.access_log) == (True, ["a", "b"], pb.ACCESS_LOG_ALL)
    assert result.delivered["Mesh", "mesh"].requires == {"mesh.refuse-unknown"}


def test_trust_is_the_worlds():
    result = compile_all(Snapshot(), World({}, "td", (b"root-a", b"root-b")))
    assert list(message(result, "Mesh", "mesh").roots) == [b"root-a", b"root-b"]
