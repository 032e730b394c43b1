from pathlib import Path

import pytest

from tests.cli.conftest import Weft
from weft.cli.offline import check_files, compile_files
from weft.client.errors import MeshError

SERVICE = "{apiVersion: weft/v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}\n"
ROUTE = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{group: "", kind: Service, name: a}]
  rules: [{backendRefs: [{name: nobody, port: 80}]}]
"""


def written(tmp_path: Path, text: str) -> list[Path]:
    path = tmp_path / "mesh.yaml"
    path.write_text(text)
    return [path]


def test_good_files_have_no_problems(tmp_path: Path) -> None:
    assert check_files(written(tmp_path, SERVICE)) == []


def test_what_cannot_be_read_is_a_problem_with_its_place(tmp_path: Path) -> None:
    [problem] = check_files(written(tmp_path, SERVICE.replace("80", "0")))
    assert (problem.severity, problem.origin is not None) == ("error", True)


def test_what_would_not_be_accepted_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MeshError):
        compile_files(written(tmp_path, ROUTE))


def test_validate_prints_and_counts(weft: Weft, tmp_path: Path) -> None:
    good = weft("validate", "-f", str(written(tmp_path, SERVICE)[0]))
    assert (good.status, good.out) == (0, "no errors\n")
    bad = weft("validate", "-f", str(written(tmp_path, SERVICE.replace("ports", "prots"))[0]))
    assert bad.status == 1
    assert "mesh.yaml:1:" in bad.out
