"""A workload's spec to the Launch message that the supervisor executes. Pure, given the ports and addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from weft.run.loopback import ANY_PORT, Target
from weft.run.references import filled, told
from weft.run.spec import Command, ControllerPlace, Health, Spec
from weft.v1 import program_pb2 as v1

RESTART = {
    "never": v1.RESTART_POLICY_NEVER,
    "on-failure": v1.RESTART_POLICY_ON_FAILURE,
    "always": v1.RESTART_POLICY_ALWAYS,
}


def build(
    spec: Spec, addresses: Mapping[Target, str], controller: ControllerPlace, state_dir: Path
) -> v1.Launch:
    """`addresses`: from `loopback.allocate`; `spec.ports` has no zeros any more."""
    launch = v1.Launch(
        workload=_workload(spec),
        inbound=[
            v1.InboundListener(address=f"{_host(spec.bind)}:0", port=port, app=f"127.0.0.1:{app}")
            for port, app in spec.ports.items()
        ],
        outbound=_outbound(spec, addresses),
        # People look into a proxy here: `/program`, `/requests/ID`, `/metrics`.
        admin=spec.admin,
        controller=v1.Controller(
            address=controller.address, root_sha256=controller.root_sha256, token_file=controller.token_file
        ),
        state_dir=str(state_dir),
        # What is published is meant for others; what belongs to an app is meant for that app.
        own_app_only=spec.command is not None,
        drain_ms=spec.drain_ms,
    )
    if spec.command is not None:
        launch.app.CopyFrom(_app(spec, spec.command, told(spec, _names(spec), addresses)))
    return launch


def to_json(launch: v1.Launch) -> str:
    return MessageToJson(launch, indent=1, preserving_proto_field_name=True) + "\n"


def _workload(spec: Spec) -> v1.Workload:
    return v1.Workload(
        namespace=spec.namespace,
        name=spec.name,
        service=spec.service,
        version=spec.version,
        service_account=spec.service_account,
        labels=spec.labels,
        zone=spec.zone,
    )


def _outbound(spec: Spec, addresses: Mapping[Target, str]) -> list[v1.OutboundListener]:
    listeners = [
        v1.OutboundListener(address=addresses[target], frontend=_frontend(target), env=name)
        for target, name in _names(spec).items()
    ]
    listeners += [
        v1.OutboundListener(address=address, frontend=_frontend(target)) for address, target in spec.publish.items()
    ]
    if spec.command is not None:
        # By Host, :authority, or as an HTTP proxy.
        listeners.append(v1.OutboundListener(address=ANY_PORT))
    return listeners


def _frontend(target: Target) -> str:
    return f"{target.service}:{target.port}"


def _names(spec: Spec) -> dict[Target, str]:
    """The name under which the app is told of each target.

    The first port of a service has the service's own name, others add theirs. Of two services that are called the
    same in different namespaces, the one in the workload's own has the short name, the other its namespace before it.
    """
    services = sorted({t.service for t in spec.calls}, key=lambda s: (s.partition("/")[0] != spec.namespace, s))
    short: dict[str, str] = {}
    for service in services:
        name = _underscored(service.partition("/")[2])
        short[service] = _underscored(service) if name in short.values() else name
    names: dict[Target, str] = {}
    for target in spec.calls:
        name = short[target.service]
        names[target] = name if name not in names.values() else f"{name}_{target.port}"
    return names


def _underscored(name: str) -> str:
    """ "book-reviews" as book_reviews, which the supervisor writes in capitals."""
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def _app(spec: Spec, command: Command, known: Mapping[str, str]) -> v1.App:
    ports = list(spec.ports.items())
    app = v1.App(
        command=[filled(word, known) for word in command.arguments],
        env={
            **{f"PORT_{port}": str(local) for port, local in ports},
            **{name: filled(value, known) for name, value in command.env.items()},
        },
        directory=command.directory,
        port=ports[0][1] if ports else 0,
        restart=RESTART[command.restart],
        start_timeout_ms=command.start_timeout_ms,
        log_file=command.log_file,
    )
    if ports:
        app.health.CopyFrom(_health(spec.health or Health(), ports[0][0]))
    return app


def _health(health: Health, first: int) -> v1.HealthCheck:
    check = v1.HealthCheck(
        interval_ms=health.interval_ms,
        timeout_ms=health.timeout_ms,
        rise=health.rise,
        fall=health.fall,
        port=health.port or first,
    )
    if health.http_path is not None:
        check.http_path = health.http_path
    elif health.grpc_service is not None:
        check.grpc_service = health.grpc_service
    else:
        check.tcp = True
    return check


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
