import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.resources.support import document
from weft.resources import Metadata, Service, load, load_text, to_yaml
from weft.resources.service import ServicePort, ServiceSpec

PORTS = "{ports: [{port: 80}]}"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.yaml").write_text(document("Service", PORTS, "b") + "---\n" + document("Service", PORTS, "c"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.yml").write_text(document("Service", PORTS, "a"))
    (tmp_path / "notes.txt").write_text("no yaml: [")
    (tmp_path / "d.json").write_text(
        '{"apiVersion": "weft/v1", "kind": "Service", "metadata": {"name": "d"}, "spec": {"ports": [{"port": 80}]}}'
    )
    return tmp_path


def test_a_folder_is_read_by_name_with_what_is_below_it(folder):
    loaded = load([folder])
    assert [r.name for r in loaded.resources] == ["a", "b", "c", "d"]
    assert loaded.ok
    assert str(loaded.resources[2].origin) == f"{folder / 'b.yaml'}:6:1"


def stdin(content):
    return io.TextIOWrapper(io.BytesIO(content))


def test_stdin_that_is_no_text_says_so(monkeypatch):
    monkeypatch.setattr("sys.stdin", stdin(b"kind: \xff"))
    (problem,) = load(["-"]).problems
    assert str(problem) == "error: <stdin>:1:7: not UTF-8\n\nhint: save it as UTF-8"


def test_what_has_no_size_is_not_read_without_end(folder):
    (problem,) = load(["/dev/zero"]).problems
    assert problem.what == "more than 32 MiB"


def test_stdin_is_a_dash(monkeypatch):
    monkeypatch.setattr("sys.stdin", stdin(document("Service", PORTS, "a").encode()))
    loaded = load(["-"])
    assert str(loaded.resources[0].origin) == "<stdin>:1:1"


def test_good_resources_come_even_beside_bad_ones(folder):
    (folder / "bad.yaml").write_text(
        document("Service", "{prots: []}", "z") + "---\n" + document("Service", PORTS, "y")
    )
    loaded = load([folder])
    assert [r.name for r in loaded.resources] == ["a", "b", "c", "y", "d"]
    assert [p.line for p in loaded.problems] == [4, 4]
    assert not loaded.ok


def test_the_same_resource_twice_is_an_error(folder):
    (folder / "e.yaml").write_text(document("Service", PORTS, "a"))
    (problem,) = load([folder]).problems
    assert problem.what == "Service/default/a stands twice"
    assert "a.yml:1:1" in problem.why


def test_what_cannot_be_read_is_a_problem_like_others(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff")
    loaded = load([tmp_path / "B.yaml", tmp_path / "empty", tmp_path / "bytes.yaml"])
    assert [p.what for p in loaded.problems] == ["cannot be read", "no resources here", "not UTF-8"]
    assert loaded.problems[0].hint == 'did you mean "b.yaml"?'


def test_a_weft_yaml_stands_for_its_resources():
    loaded = load_text("services: {a: {run: x, port: 80}}")
    assert [str(r.ref) for r in loaded.resources] == ["Service/default/a"]


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4))
def test_what_is_written_reads_back(labels):
    spec = ServiceSpec(ports=(ServicePort(port=80),))
    service = Service(metadata=Metadata(name="a", labels=labels, annotations={"x": "0o17", "y": "1e3"}), spec=spec)
    text = to_yaml([service])
    unreadable = any(ord(c) < 32 and c not in "\t\n" for v in (*labels, *labels.values()) for c in v)
    loaded = load_text(text)
    if unreadable:
        return
    assert loaded.problems == ()
    assert loaded.resources[0].same_intent(service)
