from pathlib import Path

from google.protobuf.json_format import Parse

from tests.cli.conftest import Weft
from weft.v1.program_pb2 import Program

SERVICE = """\
apiVersion: weft/v1
kind: Service
metadata: {name: a}
spec:
  ports: [{port: 80}]
  endpoints: [{address: 127.0.0.1, port: 9001}]
"""


def test_the_program_can_be_run_without_a_controller(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text(SERVICE)
    done = weft("compile", "-f", str(tmp_path / "mesh.yaml"), "--listen", "127.0.0.1:1", "--workload", "w")
    assert done.status == 0, done.err
    program = Parse(done.out, Program())
    assert [frontend.name for frontend in program.frontends] == ["default/a:80@*"]
    assert [(e.address, e.port) for e in program.endpoints[0].endpoints] == [("127.0.0.1", 9001)]
    assert program.mesh.name == "mesh"
    assert program.launch.outbound[0].address == "127.0.0.1:1"
    assert program.launch.workload.name == "w"
    assert not program.launch.HasField("controller")


def test_a_file_says_how_to_run_it(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text(SERVICE)
    out = tmp_path / "program.json"
    done = weft("compile", "-f", str(tmp_path / "mesh.yaml"), "--out", str(out))
    assert done.out == ""
    assert done.err == f"{out}: 1 frontends, 1 backends\n\nhint: weft-proxy run --program {out}\n"
    assert Parse(out.read_text(), Program()).launch.admin == "127.0.0.1:15000"


def test_what_only_a_controller_would_find_is_named(weft: Weft, tmp_path: Path) -> None:
    text = SERVICE.replace("endpoints: [{address: 127.0.0.1, port: 9001}]", "discovery: [{dns: db.example.com}]")
    (tmp_path / "mesh.yaml").write_text(text)
    done = weft("compile", "-f", str(tmp_path / "mesh.yaml"))
    assert done.status == 0
    assert "warning: Service/default/a: dns db.example.com is not asked without a controller" in done.err
