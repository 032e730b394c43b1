"""Table `accept`: what is spoken on a port, and whether callers without an identity are let in."""

from __future__ import annotations

from weft.compiler.index import MESH_REF, Index
from weft.resources.service import Service, ServicePort, TlsMode
from weft.v1 import program_pb2 as pb

TLS_MODES = {
    "permissive": pb.TLS_MODE_PERMISSIVE,
    "strict": pb.TLS_MODE_STRICT,
    "off": pb.TLS_MODE_OFF,
}
# What holds where nobody said anything.
DEFAULT_ORIGIN = "default"


def tls_of(index: Index, service: Service, port: ServicePort) -> tuple[TlsMode, str]:
    """The mode and who set it: port > service > namespace > mesh > permissive."""
    if port.tls is not None:
        return port.tls, str(service.ref)
    if service.spec.mtls is not None:
        return service.spec.mtls.mode, str(service.ref)
    mtls = index.mesh.mtls
    if MESH_REF not in index.resources:
        return mtls.mode, DEFAULT_ORIGIN
    return mtls.namespaces.get(service.namespace, mtls.mode), str(MESH_REF)
