"""The processes that a weft.yaml means, one by one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from weft.resources.service import Health
from weft.resources.weftfile import Condition, FileService, Restart, WeftFile


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
    # Workload of this file to what must be true of it before this one starts.
    after: Mapping[str, Condition] = field(default_factory=dict)
    # What it is a process of, as the file calls it, also where it serves nothing.
    part: str = ""
    # How long it may take until it listens; None: as long as anybody.
    start_period_ms: int | None = None
    # Where it runs; empty: on the controller's machine.
    machine: str = ""
    restart: Restart = "never"


def workloads(written: WeftFile, name: str) -> Iterator[WorkloadPlan]:
    """The processes of one service."""
    service = written.services[name]
    if not service.elsewhere:
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
            health=service.health.probe if service.health else None,
            calls=tuple(_full_names(service.calls, written.namespace)),
            directory=service.directory,
            part=name,
            after=dict(_after(written, service)),
            start_period_ms=service.health.start_period if service.health else None,
            machine=service.place(version),
            restart=service.restart,
        )


def _full_names(names: Iterable[str], namespace: str) -> Iterator[str]:
    return (name if "/" in name else f"{namespace}/{name}" for name in names)


def _command(run: str | None, command: tuple[str, ...] | None) -> tuple[str, ...]:
    return command or tuple(shlex.split(run or ""))


def names(written: WeftFile, name: str) -> Iterator[str]:
    """What the processes of one service are called."""
    service = written.services[name]
    if not service.elsewhere:
        for version in service.versions or [""]:
            for replica in range(service.copies(version)):
                yield "-".join(part for part in (name, version, str(replica)) if part)


def _after(written: WeftFile, service: FileService) -> Iterator[tuple[str, Condition]]:
    for name, dependency in service.depends_on.items():
        yield from ((process, dependency.condition) for process in names(written, name))
