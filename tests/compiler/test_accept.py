import pytest

from tests.compiler.support import index_of, mesh, service
from weft.compiler.accept import tls_of

PORT = "{ports: [{port: 80, tls: 'off'}]}"
SERVICE = "{ports: [{port: 80}], mtls: {mode: strict}}"
BOTH = "{ports: [{port: 80, tls: permissive}], mtls: {mode: strict}}"
PLAIN = "{ports: [{port: 80}]}"

CASES = [
    (PLAIN, None, "permissive", "default"),
    (PLAIN, "{}", "permissive", "Mesh/default/mesh"),
    (PLAIN, "{mtls: {mode: strict}}", "strict", "Mesh/default/mesh"),
    (PLAIN, "{mtls: {mode: strict, namespaces: {default: permissive}}}", "permissive", "Mesh/default/mesh"),
    (PLAIN, "{mtls: {mode: strict, namespaces: {shop: permissive}}}", "strict", "Mesh/default/mesh"),
    (SERVICE, "{mtls: {namespaces: {default: permissive}}}", "strict", "Service/default/a"),
    (PORT, "{mtls: {mode: strict}}", "off", "Service/default/a"),
    (BOTH, None, "permissive", "Service/default/a"),
]


@pytest.mark.parametrize(("spec", "of_mesh", "mode", "origin"), CASES)
def test_port_before_service_before_namespace_before_mesh(spec, of_mesh, mode, origin):
    a = service("a", spec)
    index = index_of(a, *([mesh(of_mesh)] if of_mesh else []))
    assert tls_of(index, a, a.spec.ports[0]) == (mode, origin)
