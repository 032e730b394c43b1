import pytest

from tests.resources.support import complaints, one
from weft.resources import load_text

HEAD = "apiVersion: weft/v1\nkind: Mesh\n"


def test_untouched_it_is_safe_and_open():
    (mesh,) = load_text(f"{HEAD}metadata: {{name: mesh}}").resources
    assert (mesh.spec.mtls.mode, mesh.spec.access.default, mesh.spec.egress) == ("permissive", "allow", "allow")
    assert (mesh.spec.suffixes, mesh.spec.access_log) == (("mesh",), "errors")


def test_a_namespace_may_differ():
    spec = one("Mesh", "{mtls: {mode: strict, namespaces: {legacy: permissive}}}").spec
    assert spec.mtls.namespaces == {"legacy": "permissive"}


@pytest.mark.parametrize("metadata", ["{name: other}", "{name: mesh, namespace: shop}"])
def test_there_is_one(metadata):
    (problem,) = load_text(f"{HEAD}metadata: {metadata}").problems
    assert "there is one Mesh" in problem.why


WRONG = [
    ("{mtls: {mode: 'off'}}", "known here: permissive, strict"),
    ("{access: {default: Deny}}", 'did you mean "deny"?'),
    ("{suffixes: []}", "at least 1"),
    ("{mtls: {namespaces: {Shop: strict}}}", "label"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_it_is_refused(text, says):
    assert says in complaints("Mesh", text)[0]
