import json
from pathlib import Path

import pytest

from weft.client.documents import documents, problem_of, read_resources
from weft.client.errors import MeshError
from weft.resources import parse_document
from weft.resources.problem import Problem
from weft.resources.ref import Origin

SERVICE = {
    "apiVersion": "weft/v1",
    "kind": "Service",
    "metadata": {"name": "a"},
    "spec": {"ports": [{"port": 80}]},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(f"# a service\n{json.dumps(SERVICE)}")
    return path


def test_a_mapping_is_sent_as_it_is() -> None:
    assert documents(SERVICE) == [SERVICE]


def test_a_typed_resource_has_its_origin() -> None:
    resource = parse_document(SERVICE, Origin("a.yaml", 7, 1, (9,)))
    [document] = documents(resource)
    assert document["spec"] == SERVICE["spec"]
    assert document["origin"] == {"file": "a.yaml", "line": 7, "column": 1, "rules": [9]}


@pytest.mark.parametrize("as_text", [True, False])
def test_a_path_stands_for_its_resources(file: Path, as_text: bool) -> None:
    [document] = documents(str(file) if as_text else file)
    assert (document["metadata"], document["origin"]["line"]) == ({"name": "a"}, 2)


def test_sources_may_be_mixed(file: Path) -> None:
    assert [document["kind"] for document in documents([SERVICE, file, parse_document(SERVICE)])] == ["Service"] * 3


def test_wrong_files_raise_with_all_their_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{kind: Service}\n---\n{kind: Nothing}")
    with pytest.raises(MeshError, match=r"\d problems, nothing was done") as caught:
        read_resources([tmp_path])
    assert {problem.origin.file for problem in caught.value.problems if problem.origin} == {str(tmp_path / "a.yaml")}


def test_a_written_problem_keeps_place_reason_and_hint() -> None:
    found = problem_of(Problem("a.yaml", 3, 5, "not good", "because", "do better"))
    assert (str(found), found.hint, found.severity) == ("a.yaml:3:5: not good: because", "do better", "error")
