"""A whole program for `weft-proxy run --program FILE`: what one process needs, in one file, without any controller."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format

from weft.compiler import core
from weft.compiler.compile import compile_all
from weft.compiler.mesh import MESH_KEY
from weft.compiler.model import Compiled, Delivered, Snapshot, Stored, WorkloadInfo, World
from weft.resources.base import Resource
from weft.v1 import program_pb2 as pb


def build_program(compiled: Compiled, client_namespace: str, launch: pb.Launch) -> pb.Program:
    """Everything that clients in `client_namespace` may call, and the Inbounds of the workloads that `launch` names."""
    frontends = _frontends(compiled, client_namespace)
    needed = {key for d in frontends for key in d.needs}
    program = pb.Program(launch=launch)
    program.mesh.CopyFrom(_message(compiled.delivered["Mesh", MESH_KEY]))
    program.frontends.extend(map(_message, frontends))
    program.backends.extend(_message(compiled.delivered[k]) for k in sorted(needed) if k[0] == "Backend")
    program.endpoints.extend(_message(compiled.delivered[k]) for k in sorted(needed) if k[0] == "Endpoints")
    for key in _inbounds(launch):
        found = compiled.find("Inbound", key)
        if found is None:
            raise KeyError(f"no workload {key} in the compiled world: an Inbound is made for registered workloads only")
        program.inbounds.append(_message(found))
    return program


def program_of(
    resources: Iterable[Resource], launch: pb.Launch, trust_domain: str, roots: tuple[bytes, ...] = ()
) -> pb.Program:
    """From written resources alone: the launch's own workload is the only one that is registered."""
    snapshot = Snapshot(resources={r.ref: Stored(r) for r in resources})
    workload = _workload(launch.workload, trust_domain)
    world = World({workload.name: workload}, trust_domain, roots)
    return build_program(compile_all(snapshot, world), workload.namespace, launch)


def to_json(program: pb.Program) -> str:
    return json_format.MessageToJson(program, preserving_proto_field_name=True, indent=1)


def _message(delivered: Delivered) -> Any:
    """Each kind has its own message: which, the place it goes to says."""
    return delivered.message


def _frontends(compiled: Compiled, client_namespace: str) -> list[Delivered]:
    """One per service and port, as the controller would answer: two under one host name would be a matter of luck."""
    asked = {key.rpartition("@")[0] for kind, key in compiled.delivered if kind == "Frontend"}
    found = (compiled.find("Frontend", f"{key}@{client_namespace}") for key in sorted(asked))
    return [d for d in found if d is not None]


def _inbounds(launch: pb.Launch) -> list[str]:
    own = f"{launch.workload.namespace}/{launch.workload.name}"
    # A pure client listens for nobody.
    return sorted({listener.inbound or own for listener in launch.inbound})


def _workload(workload: pb.Workload, trust_domain: str) -> WorkloadInfo:
    account = workload.service_account or workload.service.rpartition("/")[2]
    return WorkloadInfo(
        name=f"{workload.namespace}/{workload.name}",
        namespace=workload.namespace,
        service=workload.service,
        version=workload.version,
        labels=dict(workload.labels),
        identity=f"spiffe://{trust_domain}/ns/{workload.namespace}/sa/{account}" if account else "",
        zone=workload.zone,
        capabilities=core.capabilities(),
    )
