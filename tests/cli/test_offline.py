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
    assert check_files(written(tmp_path, SERVICE)) == (1, [])


def test_what_the_files_do_not_have_is_a_warning_with_its_place(tmp_path: Path) -> None:
    count, [problem] = check_files(written(tmp_path, SERVICE + ROUTE))
    assert (count, problem.severity, problem.ref) == (2, "warning", "HTTPRoute/default/r")
    assert problem.origin is not None
    assert problem.origin.line == 3
    assert "nobody" in problem.message


def test_what_would_not_be_accepted_is_an_error(tmp_path: Path) -> None:
    _, problems = check_files(written(tmp_path, ROUTE))
    assert "error" in {problem.severity for problem in problems}
    with pytest.raises(MeshError):
        compile_files(written(tmp_path, ROUTE))


def test_validate_prints_and_counts(weft: Weft, tmp_path: Path) -> None:
    good = weft("validate", "-f", str(written(tmp_path, SERVICE)[0]))
    assert (good.status, good.out) == (0, "1 resource, no errors\n")
    bad = weft("validate", "-f", str(written(tmp_path, SERVICE.replace("ports", "prots"))[0]))
    assert bad.status == 1
    assert "mesh.yaml:1:" in bad.out
