"""`weft.yaml`: for people without Kubernetes. What runs, in which versions, who may call whom; it expands to resources.

    namespace: default             # of everything in this file
    mtls: strict                   # permissive (default) | strict
    access: deny                   # for what no `calls` covers: allow (default) | deny
    egress: refuse                 # destinations that are no service: allow (default) | refuse
    include: [stock/weft.yaml]     # more services, relative to this file
    controller: 192.0.2.1          # the machine that has it, for several machines; makes mtls: strict the default
    resources: [policies/*.yaml]   # files of ordinary resources, relative to this file
    publish: [{local: 8080, service: shop}]   # a service of those resources; others: `publish` of the service
    edge: gateway                  # what the proxy is called through which people come in; default: edge
    services:
      reviews:
        run: python reviews.py     # split as a shell would, without one; or command: [python, reviews.py]
        port: 9080                 # as clients know it; the app is told its own as PORT. Several: ports: [9080, {…}]
        protocol: HTTP             # HTTP | HTTP2 | GRPC | TCP | TLS; left out: detected
        publish: 8080              # people reach it at 127.0.0.1:8080; several: [8080, {local: 8081, port: 9090}]
        listen: 8000               # where the app listens if it does not read PORT; then one replica only
        replicas: 2                # default 1
        machine: b                 # runs there, by `weft up --join TOKEN`; left out: where the controller is
        env: {LOG: debug}
        directory: reviews         # relative to this file
        account: reviews           # service account; default: the service's name
        restart: on-failure        # when the app ends: never (default) | on-failure | always
        health: /healthz           # or tcp, or as in Service: {http: /healthz, interval: 5s, start_period: 30s, …}
        depends_on: [ratings]      # starts when that one is healthy; or {ratings: {condition: service_started}}
        calls: [ratings, shop/cart]
        versions:                  # each may override run, command, replicas, env, machine
          v1: {weight: 90}
          v2: {run: python reviews2.py, weight: 10}
      loadgen:                     # without port: calls others, serves nothing
        run: python loadgen.py
        calls: [reviews]
      postgres:                    # not run by weft: no proxy stands before it
        port: 5432
        protocol: TCP
        endpoints: [{address: 127.0.0.1}]
      mysql:                       # nor this: found by DNS, again whenever its TTL is over
        port: 3306
        protocol: TCP
        dns: db.example.com        # or {name: …, type: SRV, port: …, server: …}, or a list; file: endpoints.yaml

Each service becomes a `Service`; `versions` its subsets, with an `HTTPRoute` per port where they have weights; `calls`
an `AccessPolicy` of the *callee* that allows its callers, so that everybody else is refused there.

Values may contain ${NAME}, see `variables.py`; `gather.py` makes one of all included files.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from weft.resources.base import Model
from weft.resources.machine import ControllerAddress
from weft.resources.service import Health, Protocol, ServicePort, StaticEndpoint
from weft.resources.source import Dns, DnsSource, right_suffix
from weft.resources.types import DnsLabel, Port, Time, Weight, once, wrong
from weft.resources.variables import MAX_LENGTH

# What one machine bears; a typing error of two zeros is not found by running it.
MAX_REPLICAS = 100
_CALLEE = "([a-z0-9-]+/)?[a-z0-9-]+"


def _environment(value: Any) -> Any:
    """Numbers and booleans as they are written: an environment has only strings."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _health(value: Any) -> Any:
    if value == "tcp":
        return {"tcp": True}
    return {"http": value} if isinstance(value, str) else value


def _dependencies(value: Any) -> Any:
    """A list of names, or names with a condition."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list | tuple):
        once("depends_on", map(str, value))
        value = {str(name): {} for name in value}
    return {name: {} if entry is None else entry for name, entry in value.items()} if isinstance(value, dict) else value


def _condition(value: Any) -> Any:
    return {"condition": value} if isinstance(value, str) else value


def _one_port(value: Any) -> Any:
    """Docker's "8080:80" says two things at once."""
    pair = re.fullmatch(r"(\d+):(\d+)", value) if isinstance(value, str) else None
    if pair:
        raise wrong(f"{value!r} is not a port", f"port: {pair[2]} and publish: {pair[1]}")
    return value


def _port(value: Any) -> Any:
    value = _one_port(value)
    return {"port": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _published(value: Any) -> Any:
    return [_local(entry) for entry in (value if isinstance(value, list | tuple) else [value])]


def _local(value: Any) -> Any:
    value = _one_port(value)
    return value if value is None or isinstance(value, Mapping) else {"local": value}


def _listed(value: Any) -> Any:
    return value if value is None or isinstance(value, list | tuple) else [value]


def _run(value: Any) -> Any:
    if isinstance(value, list):
        raise wrong("is a list, not a string", f"that is command: [{', '.join(map(str, value))}]")
    if isinstance(value, str):
        if len(value) > MAX_LENGTH:  # and shlex takes minutes for a few of these
            raise wrong(f"is longer than {MAX_LENGTH >> 10} KiB", "put it into a script, and run that")
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise wrong(f"cannot be split into words: {str(error).lower()}", "or write command: [program, …]") from None
        if not words:
            raise wrong("is empty", "give it a value or remove it")
    return value


def _command(value: Any) -> Any:
    if isinstance(value, str):
        raise wrong("is a string, not a list", f"that is run: {value}")
    return value


def _variable(name: str) -> str:
    if not name or "=" in name or "\0" in name:
        raise wrong(f"{name!r} is not the name of an environment variable", "write NAME: value")
    return name


def _callee(name: str) -> str:
    if not re.fullmatch(_CALLEE, name):
        raise wrong(f"{name!r} is not a service", "its name alone, or <namespace>/<name>")
    return name


Environment: TypeAlias = dict[
    Annotated[str, AfterValidator(_variable)],
    Annotated[str, BeforeValidator(_environment, json_schema_input_type=str | float | bool)],
]
Replicas: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=MAX_REPLICAS)]
Callee: TypeAlias = Annotated[str, Field(json_schema_extra={"pattern": f"^{_CALLEE}$"}), AfterValidator(_callee)]
# Compose's words.
Condition: TypeAlias = Literal["service_healthy", "service_started"]
# Of what has ended, as in `weft run`.
Restart: TypeAlias = Literal["never", "on-failure", "always"]


class Published(Model):
    """A port of this machine that leads to a port of the service; left out: its first."""

    local: Port
    port: Port | None = None


class PublishedService(Published):
    """The same at the top of the file, for a service that stands in its `resources`."""

    service: DnsLabel


class FileHealth(Health):
    """As in a `Service`, and what only whoever starts the app has to know."""

    INSTEAD: ClassVar[Mapping[str, str]] = {
        "disable": "remove health: then a connect is enough",
        "path": "http: /healthz",
        "retries": "fall: 3",
        "start_interval": "remove it: until it is healthy once, weft asks often",
        "startPeriod": "start_period: 30s",
        "test": "http: /healthz; weft asks the app, it runs no command",
    }

    # How long it may take until it listens; its supervisor ends it then.
    start_period: Time | None = Field(default=None, alias="start_period")

    @property
    def probe(self) -> Health:
        return Health.model_validate(self.model_dump(exclude={"start_period"}, exclude_unset=True))


class Dependency(Model):
    """Healthy by default: who says that it depends on another means that it can use it."""

    condition: Condition = "service_healthy"


# What may be written for each, beside its whole form.
AnyHealth: TypeAlias = Annotated[str, Field(json_schema_extra={"pattern": "^(/|tcp$)"})] | FileHealth
Publications: TypeAlias = Port | Published | tuple[Port | Published, ...]
Names: TypeAlias = str | DnsSource | tuple[str | DnsSource, ...]
Dependencies: TypeAlias = DnsLabel | tuple[DnsLabel, ...] | dict[DnsLabel, Condition | Dependency | None]


class _Runs(Model):
    # Compose's words, for whoever comes from there.
    INSTEAD: ClassVar[Mapping[str, str]] = {
        "build": "weft runs commands, not images: run: python3 app.py",
        "deploy": "replicas: 2",
        "entrypoint": "run: python3 app.py",
        "environment": "env: {NAME: value}",
        "expose": "port: 8080",
        "healthcheck": "health: /healthz",
        "image": "weft runs commands, not images: run: python3 app.py",
        "networks": "calls: [name] says whom it may call",
        "restart": "restart: on-failure, of the service: for all its versions",
        "scale": "replicas: 2",
        "working_dir": "directory: app",
    }

    run: Annotated[str | None, BeforeValidator(_run)] = None
    command: Annotated[tuple[str, ...] | None, BeforeValidator(_command)] = Field(default=None, min_length=1)
    replicas: Replicas | None = None
    env: Environment = Field(default_factory=dict)
    machine: DnsLabel | None = None

    @model_validator(mode="after")
    def _one_command(self) -> _Runs:
        if self.run is not None and self.command is not None:
            raise wrong("run and command say the same thing", "remove one of the two")
        return self


class Version(_Runs):
    weight: Weight | None = None


class FileService(_Runs):
    port: Annotated[Port | None, BeforeValidator(_one_port)] = None
    ports: tuple[Annotated[ServicePort, BeforeValidator(_port, json_schema_input_type=Port | ServicePort)], ...] = ()
    publish: Annotated[tuple[Published, ...], BeforeValidator(_published, json_schema_input_type=Publications)] = ()
    protocol: Protocol | None = None
    listen: Port | None = None
    directory: str = ""
    account: DnsLabel | None = None
    health: Annotated[FileHealth, BeforeValidator(_health, json_schema_input_type=AnyHealth)] | None = None
    restart: Restart = "never"
    depends_on: Annotated[
        dict[DnsLabel, Annotated[Dependency, BeforeValidator(_condition)]],
        BeforeValidator(_dependencies, json_schema_input_type=Dependencies),
    ] = Field(default_factory=dict, alias="depends_on")
    calls: tuple[Callee, ...] = ()
    versions: dict[DnsLabel, Version] = Field(default_factory=dict)
    endpoints: tuple[StaticEndpoint, ...] = ()
    dns: Annotated[tuple[Dns, ...], BeforeValidator(_listed, json_schema_input_type=Names)] = ()
    # Relative to the file.
    file: Annotated[
        tuple[Annotated[str, AfterValidator(right_suffix)], ...],
        BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
    ] = ()

    @property
    def elsewhere(self) -> bool:
        """It is not run by weft."""
        return bool(self.endpoints or self.dns or self.file)

    @model_validator(mode="after")
    def _can_run(self) -> FileService:
        once("calls", self.calls)
        if self.port and self.ports:
            raise wrong("port and ports say the same thing", "remove one of the two")
        needy = self.versions or self.elsewhere or self.health or self.listen or self.publish
        if needy and not (self.port or self.ports):
            raise wrong("versions, endpoints, dns, file, health, listen and publish need a port", "port: 8080")
        self._check_publish()
        self._check_runs()
        self._check_weights()
        return self

    def _check_runs(self) -> None:
        own = self.run or self.command
        silent = [name for name, v in self.versions.items() if not (own or v.run or v.command)]
        if silent or not (own or self.versions or self.elsewhere):
            what = f"version {silent[0]} has" if silent else "the service has"
            raise wrong(f"{what} nothing to run", "run: python app.py, or endpoints: [{address: …}]")
        if self.elsewhere and (own or self.versions):
            what = next(name for name in ("endpoints", "dns", "file") if getattr(self, name))
            stand = "stand" if what == "endpoints" else "stands"
            raise wrong(f"{what} {stand} for what weft does not run", f"remove run, command and versions, or {what}")
        if self.elsewhere and self.machine:
            raise wrong("where it runs is said already", "remove machine")
        if self.listen and sum(self.copies(name) for name in self.versions or [""]) > 1:
            raise wrong("several replicas cannot listen on one port", "let the app read PORT and remove listen")

    def _check_publish(self) -> None:
        has = [port.port for port in self.all_ports]
        absent = next((entry.port for entry in self.publish if entry.port and entry.port not in has), None)
        if absent:
            raise wrong(f"it publishes port {absent}, which it does not have", f"it has {', '.join(map(str, has))}")

    def _check_weights(self) -> None:
        missing = [name for name, version in self.versions.items() if version.weight is None]
        if missing and len(missing) < len(self.versions):
            raise wrong(f"version {missing[0]} has no weight and others do", "weights for all versions, or for none")

    def copies(self, version: str) -> int:
        own = self.versions[version].replicas if version else None
        return next((n for n in (own, self.replicas) if n is not None), 1)

    def place(self, version: str) -> str:
        """The machine of one version; empty: that of the controller."""
        own = self.versions[version].machine if version else None
        return own or self.machine or ""

    @property
    def all_ports(self) -> tuple[ServicePort, ...]:
        if self.port:
            return (ServicePort(port=self.port, protocol=self.protocol),)
        return tuple(p if p.speaks else p.model_copy(update={"protocol": self.protocol}) for p in self.ports)


class WeftFile(Model):
    INSTEAD: ClassVar[Mapping[str, str]] = {
        "name": "remove it, or namespace: shop",
        "networks": "remove it; calls: [name] of a service says whom it may call",
        "version": "remove it: there is one version of this format",
    }

    namespace: DnsLabel = "default"
    mtls: Literal["permissive", "strict"] | None = None
    access: Literal["allow", "deny"] | None = None
    egress: Literal["allow", "refuse"] | None = None
    include: tuple[str, ...] = ()
    controller: ControllerAddress | None = None
    resources: tuple[str, ...] = ()
    publish: Annotated[
        tuple[PublishedService, ...],
        BeforeValidator(_published, json_schema_input_type=PublishedService | tuple[PublishedService, ...]),
    ] = ()
    edge: DnsLabel = "edge"
    services: dict[DnsLabel, FileService] = Field(default_factory=dict)
