"""What holds for every proxy: trust, names, defaults."""

from __future__ import annotations

from weft.compiler.index import MESH_REF, Index
from weft.compiler.make import deliver
from weft.compiler.model import Delivered
from weft.compiler.requires import of_mesh
from weft.compiler.timeouts import mesh_timeouts
from weft.v1 import program_pb2 as pb

MESH_KEY = "mesh"
_ACCESS_LOG = {"errors": pb.ACCESS_LOG_ERRORS, "off": pb.ACCESS_LOG_OFF, "all": pb.ACCESS_LOG_ALL}


def mesh(index: Index) -> Delivered:
    spec = index.mesh
    message = pb.Mesh(
        name=MESH_KEY,
        trust_domain=index.trust_domain,
        roots=index.roots,
        suffixes=spec.suffixes,
        refuse_unknown=spec.egress == "refuse",
        timeouts=mesh_timeouts(),
        access_log=_ACCESS_LOG[spec.access_log],
    )
    message.requires.extend(of_mesh(message))
    return deliver("Mesh", message, (), message.requires, {MESH_REF} & index.resources.keys())
