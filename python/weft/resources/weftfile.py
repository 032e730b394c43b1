"""`weft.yaml`: for people without Kubernetes. What runs, in which versions, who may call whom; it expands to resources.

    namespace: default             # of everything in this file
    mtls: strict                   # permissive (default) | strict
    access: deny                   # for what no `calls` covers: allow (default) | deny
    egress: refuse                 # destinations that are no service: allow (default) | refuse
    services:
      reviews:
        run: python reviews.py     # split as a shell would, without one; or command: [python, reviews.py]
        port: 9080                 # as clients know it; the app is told its own as PORT. Several: ports: [9080, {…}]
        protocol: HTTP             # HTTP | HTTP2 | GRPC | TCP | TLS; left out: detected
        listen: 8000               # where the app listens if it does not read PORT; then one replica only
        replicas: 2                # default 1
        env: {LOG: debug}
        directory: reviews         # relative to this file
        account: reviews           # service account; default: the service's name
        health: /healthz           # or as in Service: {http: /healthz, interval: 5s, …}
        calls: [ratings, shop/cart]
        versions:                  # each may override run, command, replicas, env
          v1: {weight: 90}
          v2: {run: python reviews2.py, weight: 10}
      loadgen:                     # without port: calls others, serves nothing
        run: python loadgen.py
        calls: [reviews]
      postgres:                    # not run by weft: no proxy stands before it
        port: 5432
        protocol: TCP
        endpoints: [{address: 127.0.0.1}]

Each service becomes a `Service`; `versions` its subsets, with an `HTTPRoute` per port where they have weights; `calls`
an `AccessPolicy` of the *callee* that allows its callers, so that everybody else is refused there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from weft.resources.base import Model
from weft.resources.service import Health, Protocol, ServicePort, StaticEndpoint
from weft.resources.types import DnsLabel, Port, Weight, once, wrong

# What one machine bears; a typing error of two zeros is not found by running it.
MAX_REPLICAS = 100


def _environment(value: Any) -> Any:
    """Numbers and booleans as they are written: an environment has only strings."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _health(value: Any) -> Any:
    return {"http": value} if isinstance(value, str) else value


def _port(value: Any) -> Any:
    return {"port": value} if isinstance(value, int) and not isinstance(value, bool) else value


Environment: TypeAlias = dict[str, Annotated[str, BeforeValidator(_environment)]]
Replicas: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=MAX_REPLICAS)]
Callee: TypeAlias = Annotated[str, Field(pattern=r"^([a-z0-9-]+/)?[a-z0-9-]+$")]


class _Runs(Model):
    run: str | None = Field(default=None, min_length=1)
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    replicas: Replicas | None = None
    env: Environment = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_command(self) -> _Runs:
        if self.run is not None and self.command is not None:
            raise wrong("run and command say the same thing", "remove one of the two")
        return self


class Version(_Runs):
    weight: Weight | None = None


class FileService(_Runs):
    port: Port | None = None
    ports: tuple[Annotated[ServicePort, BeforeValidator(_port)], ...] = ()
    protocol: Protocol | None = None
    listen: Port | None = None
    directory: str = ""
    account: DnsLabel | None = None
    health: Annotated[Health, BeforeValidator(_health)] | None = None
    calls: tuple[Callee, ...] = ()
    versions: dict[DnsLabel, Version] = Field(default_factory=dict)
    endpoints: tuple[StaticEndpoint, ...] = ()

    @model_validator(mode="after")
    def _can_run(self) -> FileService:
        once("calls", self.calls)
        if self.port and self.ports:
            raise wrong("port and ports say the same thing", "remove one of the two")
        if not (self.port or self.ports) and (self.versions or self.endpoints or self.health or self.listen):
            raise wrong("versions, endpoints, health and listen need a port", "port: 8080")
        self._check_runs()
        self._check_weights()
        return self

    def _check_runs(self) -> None:
        own = self.run or self.command
        silent = [name for name, v in self.versions.items() if not (own or v.run or v.command)]
        if silent or not (own or self.versions or self.endpoints):
            what = f"version {silent[0]} has" if silent else "the service has"
            raise wrong(f"{what} nothing to run", "run: python app.py, or endpoints: [{address: …}]")
        if self.endpoints and (own or self.versions):
            raise wrong("endpoints stand for what weft does not run", "remove run, command and versions, or endpoints")
        if self.listen and sum(self.copies(name) for name in self.versions or [""]) > 1:
            raise wrong("several replicas cannot listen on one port", "let the app read PORT and remove listen")

    def _check_weights(self) -> None:
        missing = [name for name, version in self.versions.items() if version.weight is None]
        if missing and len(missing) < len(self.versions):
            raise wrong(f"version {missing[0]} has no weight and others do", "weights for all versions, or for none")

    def copies(self, version: str) -> int:
        own = self.versions[version].replicas if version else None
        return next((n for n in (own, self.replicas) if n is not None), 1)

    @property
    def all_ports(self) -> tuple[ServicePort, ...]:
        if self.port:
            return (ServicePort(port=self.port, protocol=self.protocol),)
        return tuple(p if p.speaks else p.model_copy(update={"protocol": self.protocol}) for p in self.ports)


class WeftFile(Model):
    namespace: DnsLabel = "default"
    mtls: Literal["permissive", "strict"] | None = None
    access: Literal["allow", "deny"] | None = None
    egress: Literal["allow", "refuse"] | None = None
    services: dict[DnsLabel, FileService] = Field(min_length=1)
