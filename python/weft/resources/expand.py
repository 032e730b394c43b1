"""A `weft.yaml` to the resources that it means and the workloads that it runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from weft.resources.accesspolicy import AccessPolicy
from weft.resources.base import Resource
from weft.resources.httproute import HTTPRoute
from weft.resources.mesh import Mesh
from weft.resources.parse import problems_of
from weft.resources.problem import Problem, did_you_mean
from weft.resources.reader import MAX_BYTES, Node, read
from weft.resources.ref import Origin
from weft.resources.service import Health, Service
from weft.resources.weftfile import FileService, WeftFile


@dataclass(frozen=True, slots=True)
class WorkloadPlan:
    """One process that `weft up` starts."""

    namespace: str
    # Unique in the namespace: "reviews-0", "reviews-v2-0".
    name: str
    # "<namespace>/<service>"; empty: it serves nothing.
    service: str
    version: str
    account: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    # Service port to the app's own; 0: chosen, and told as PORT.
    ports: Mapping[int, int] = field(default_factory=dict)
    # Counts the replicas of one version.
    replica: int = 0
    health: Health | None = None
    # "<namespace>/<service>"
    calls: tuple[str, ...] = ()
    # Relative to the file.
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """A port of this machine at which people reach a service."""

    local: int
    # "<namespace>/<service>"
    service: str
    port: int


@dataclass(frozen=True, slots=True)
class Expanded:
    resources: tuple[Resource, ...] = ()
    workloads: tuple[WorkloadPlan, ...] = ()
    published: tuple[Publication, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not any(p.severity == "error" for p in self.problems)


def expand(path: str | Path) -> Expanded:
    """What a weft.yaml means; every problem with file, line and column."""
    try:
        with open(path, encoding="utf-8") as file:
            return expand_text(file.read(MAX_BYTES + 1), str(path))
    except UnicodeDecodeError as error:
        return Expanded(problems=(Problem(str(path), 0, 0, "not UTF-8", f"at byte {error.start}"),))
    except OSError as error:
        return Expanded(problems=(Problem(str(path), 0, 0, "cannot be read", (error.strerror or str(error)).lower()),))


def expand_text(text: str, file: str = "weft.yaml") -> Expanded:
    nodes, problems = read(text, file)
    if problems:
        return Expanded(problems=tuple(problems))
    if len(nodes) != 1:
        hint = "services: {name: {run: …, port: …}}"
        what = f"{len(nodes)} documents, and a weft.yaml is one" if nodes else "is empty"
        return Expanded(problems=(Problem(file, 0, 0, what, hint=hint),))
    return expand_node(nodes[0], file)


def is_weftfile(value: Any) -> bool:
    """A resource has a kind; a weft.yaml has services."""
    return isinstance(value, Mapping) and "kind" not in value and "services" in value


def expand_node(node: Node, file: str) -> Expanded:
    origin = Origin(file, node.line, node.column)
    if isinstance(node.value, Mapping) and "kind" in node.value and "services" not in node.value:
        what = f"this is a {node.value['kind']}, not a weft.yaml"
        return Expanded(problems=(Problem.at(origin, what, hint=f"weft apply -f {file}"),))
    try:
        written = WeftFile.model_validate(node.value)
    except ValidationError as error:
        return Expanded(problems=tuple(problems_of(error, WeftFile, origin, node)))
    problems = (
        *_unknown_callees(written, file, node),
        *_same_names(written, file, node),
        *_same_locals(written, file, node),
    )
    if problems:
        return Expanded(problems=problems)
    maker = _Maker(written, file, node)
    plans = (plan for name in written.services for plan in _workloads(written, name))
    return Expanded(tuple(maker.resources()), tuple(plans), tuple(_published(written)))


def _unknown_callees(written: WeftFile, file: str, node: Node) -> Iterator[Problem]:
    """A name without namespace means a service of this file; one with a namespace may live elsewhere."""
    for name, service in written.services.items():
        for place, callee in enumerate(service.calls):
            target = written.services.get(callee)
            where = Origin(file, *node.at(("services", name, "calls", place)))
            if "/" not in callee and target is None:
                yield Problem.at(
                    where, f"there is no service {callee!r} here", hint=did_you_mean(callee, written.services)
                )
            elif target is not None and not target.all_ports:
                yield Problem.at(where, f"{callee} has no port to call", hint=f"give services.{callee} a port")


def _same_names(written: WeftFile, file: str, node: Node) -> Iterator[Problem]:
    """Version v1 of "a" and the service "a-v1" both have a process a-v1-0."""
    first: dict[str, str] = {}
    for name in written.services:
        taken = (plan.name for plan in _workloads(written, name) if first.setdefault(plan.name, name) != name)
        if process := next(taken, None):
            where = Origin(file, *node.at_key(("services", name)))
            what = f"its process {process} is called like one of {first[process]}"
            yield Problem.at(where, what, hint=f"rename {name}, or that version")


def _same_locals(written: WeftFile, file: str, node: Node) -> Iterator[Problem]:
    """All of them are ports of 127.0.0.1."""
    first: dict[int, str] = {}
    for name, service in written.services.items():
        wanted = [("listen", service.listen)] if service.listen else []
        for use, port in [*wanted, *(("publish", entry.local) for entry in service.publish)]:
            if port in first:
                where = Origin(file, *node.at(("services", name, use)))
                what = f"services.{name}.{use}: {port} is taken by {first[port]}"
                yield Problem.at(where, what, hint="give each a local port of its own")
            first.setdefault(port, f"services.{name}.{use}")


def _published(written: WeftFile) -> Iterator[Publication]:
    for name, service in written.services.items():
        for entry in service.publish:
            port = entry.port or service.all_ports[0].port
            yield Publication(entry.local, f"{written.namespace}/{name}", port)


@dataclass
class _Maker:
    written: WeftFile
    file: str
    node: Node

    def resources(self) -> Iterator[Resource]:
        if self.written.mtls or self.written.access or self.written.egress:
            yield self._mesh()
        callers = self._callers()
        for name, service in self.written.services.items():
            if not service.all_ports:
                continue
            yield self._service(name, service)
            yield from self._routes(name, service)
            # Before what weft does not run stands no proxy: a rule there would be a promise that nobody keeps.
            if name in callers and not service.endpoints:
                yield self._access(name, callers[name])

    def _mesh(self) -> Mesh:
        spec: dict[str, Any] = {}
        if self.written.mtls:
            spec["mtls"] = {"mode": self.written.mtls}
        if self.written.access:
            spec["access"] = {"default": self.written.access}
        if self.written.egress:
            spec["egress"] = self.written.egress
        body = {"metadata": {"name": "mesh"}, "spec": spec, "origin": self._origin(())}
        return Mesh.model_validate(body)

    def _service(self, name: str, service: FileService) -> Service:
        spec: dict[str, Any] = {
            "ports": [p.model_dump(by_alias=True, exclude_none=True) for p in service.all_ports],
            "identities": [service.account] if service.account else None,
            "health": service.health,
            "subsets": [{"name": v, "labels": {"version": v}} for v in service.versions],
            "endpoints": service.endpoints,
        }
        spec = {field: value for field, value in spec.items() if value}
        return Service.model_validate(self._body(name, spec, ("services", name)))

    def _routes(self, name: str, service: FileService) -> Iterator[HTTPRoute]:
        if not any(v.weight is not None for v in service.versions.values()):
            return
        ports = [p.port for p in service.all_ports if not p.opaque]
        for port in ports:
            spec = {
                "parentRefs": [{"group": "", "kind": "Service", "name": name, "port": port}],
                "rules": [
                    {
                        "backendRefs": [
                            {"name": name, "port": port, "subset": version, "weight": written.weight}
                            for version, written in service.versions.items()
                        ]
                    }
                ],
            }
            title = f"{name}-versions" if len(ports) == 1 else f"{name}-versions-{port}"
            yield HTTPRoute.model_validate(self._body(title, spec, ("services", name, "versions")))

    def _access(self, name: str, callers: list[str]) -> AccessPolicy:
        spec = {
            "targetRefs": [{"kind": "Service", "name": name}],
            "action": "Allow",
            "rules": [{"from": [{"services": callers}]}],
        }
        return AccessPolicy.model_validate(self._body(f"{name}-callers", spec, ("services", name)))

    def _callers(self) -> dict[str, list[str]]:
        """Callers by service of this file. Who serves nothing is no Service, and is known by its account."""
        found: dict[str, list[str]] = {}
        for name, service in self.written.services.items():
            known_as = name if service.all_ports else service.account or name
            for callee in service.calls:
                found.setdefault(callee.removeprefix(f"{self.written.namespace}/"), []).append(known_as)
        return found

    def _body(self, name: str, spec: Mapping[str, Any], loc: tuple[str, ...]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.written.namespace}
        return {"metadata": metadata, "spec": spec, "origin": self._origin(loc)}

    def _origin(self, loc: tuple[str, ...]) -> Origin:
        line, column = self.node.at_key(loc) if loc else (self.node.line, self.node.column)
        return Origin(self.file, line, column, (line,))


def _workloads(written: WeftFile, name: str) -> Iterator[WorkloadPlan]:
    """The processes of one service."""
    service = written.services[name]
    if not service.endpoints:
        for version in service.versions or [""]:
            yield from _replicas(written, name, service, version)


def _replicas(written: WeftFile, name: str, service: FileService, version: str) -> Iterator[WorkloadPlan]:
    own = service.versions.get(version)
    command = _command(own.run, own.command) if own else ()
    env = {**service.env, **own.env} if own else service.env
    for replica in range(service.copies(version)):
        yield WorkloadPlan(
            namespace=written.namespace,
            name="-".join(part for part in (name, version, str(replica)) if part),
            service=f"{written.namespace}/{name}" if service.all_ports else "",
            version=version,
            account=service.account or name,
            command=command or _command(service.run, service.command),
            env=env,
            ports={p.port: service.listen or 0 for p in service.all_ports},
            replica=replica,
            health=service.health,
            calls=tuple(_full_names(service.calls, written.namespace)),
            directory=service.directory,
        )


def _full_names(names: Iterable[str], namespace: str) -> Iterator[str]:
    return (name if "/" in name else f"{namespace}/{name}" for name in names)


def _command(run: str | None, command: tuple[str, ...] | None) -> tuple[str, ...]:
    return command or tuple(shlex.split(run or ""))
