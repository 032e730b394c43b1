"""A `weft.yaml` to the resources that it means and the workloads that it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weft.resources.accesspolicy import AccessPolicy
from weft.resources.base import Resource
from weft.resources.crosscheck import cross_check
from weft.resources.gather import Around, Gathered, gather, one_document, text_of
from weft.resources.httproute import HTTPRoute
from weft.resources.mesh import Mesh
from weft.resources.problem import Problem
from weft.resources.publications import Publication, publications
from weft.resources.reader import Node
from weft.resources.ref import Origin
from weft.resources.resourcefiles import resource_files, twice
from weft.resources.service import Service
from weft.resources.weftfile import FileService, WeftFile
from weft.resources.workloads import WorkloadPlan, workloads

# Text without a place: no files, no variables.
NOWHERE = Around()


@dataclass(frozen=True, slots=True)
class Expanded:
    resources: tuple[Resource, ...] = ()
    workloads: tuple[WorkloadPlan, ...] = ()
    published: tuple[Publication, ...] = ()
    problems: tuple[Problem, ...] = ()
    # What the workload is called through which people come in.
    edge: str = "edge"
    # "host:port" of the controller that is named; empty: none is.
    controller: str = ""

    def on(self, machine: str) -> Expanded:
        """With the workloads of one machine only ("": the controller's); people come in where the controller is."""
        here = tuple(plan for plan in self.workloads if plan.machine == machine)
        return replace(self, workloads=here, published=() if machine else self.published)

    @property
    def machines(self) -> tuple[str, ...]:
        """Others than the controller's, as the file names them first."""
        return tuple(dict.fromkeys(plan.machine for plan in self.workloads if plan.machine))

    @property
    def ok(self) -> bool:
        return not any(p.severity == "error" for p in self.problems)


def expand(path: str | Path) -> Expanded:
    """What a weft.yaml means; every problem with file, line and column."""
    text, problems = text_of(path)
    return Expanded(problems=tuple(problems)) if problems else expand_text(text, str(path), Around.of(path))


def expand_text(text: str, file: str = "weft.yaml", around: Around = NOWHERE) -> Expanded:
    node, problems = one_document(text, file)
    return Expanded(problems=tuple(problems)) if node is None else expand_node(node, file, around)


def is_weftfile(value: Any) -> bool:
    """A resource has a kind; a weft.yaml has services, of its own or by others."""
    return isinstance(value, Mapping) and "kind" not in value and not {"services", "include"}.isdisjoint(value)


def expand_node(node: Node, file: str, around: Around = NOWHERE) -> Expanded:
    gathered, problems = gather(node, file, around)
    problems += cross_check(gathered) if gathered else ()
    if gathered is None or problems:
        return Expanded(problems=tuple(problems))
    written = gathered.written
    added, problems = resource_files(gathered)
    resources = (*_Maker(gathered).resources(), *added)
    published, wrong = publications(gathered, resources)
    problems += [*twice(resources), *wrong]
    if any(problem.severity == "error" for problem in problems):
        return Expanded(problems=tuple(problems))
    plans = (plan for name in written.services for plan in workloads(written, name))
    controller = written.controller or ""
    return Expanded(resources, tuple(plans), tuple(published), tuple(problems), written.edge, controller)


@dataclass
class _Maker:
    gathered: Gathered

    @property
    def written(self) -> WeftFile:
        return self.gathered.written

    @property
    def mtls(self) -> str | None:
        """What others can reach over a network takes no calls in the clear, unless the file says that it does."""
        return self.written.mtls or ("strict" if self.written.controller else None)

    def resources(self) -> Iterator[Resource]:
        if self.mtls or self.written.access or self.written.egress:
            yield self._mesh()
        callers = self._callers()
        for name, service in self.written.services.items():
            if not service.all_ports:
                continue
            yield self._service(name, service)
            yield from self._routes(name, service)
            # Before what weft does not run stands no proxy: a rule there would be a promise that nobody keeps.
            if name in callers and not service.elsewhere:
                yield self._access(name, callers[name])

    def _mesh(self) -> Mesh:
        spec: dict[str, Any] = {}
        if self.mtls:
            spec["mtls"] = {"mode": self.mtls}
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
            "health": service.health.probe if service.health else None,
            "subsets": [{"name": v, "labels": {"version": v}} for v in service.versions],
            "endpoints": service.endpoints,
            "discovery": [*({"dns": source} for source in service.dns), *({"file": path} for path in service.file)],
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
        place = self.gathered.at_key(loc)
        return Origin(place.file, place.line, place.column, (place.line,))
