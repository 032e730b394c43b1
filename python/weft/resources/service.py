"""`Service`: a name that clients call, its ports, and who may serve it. A core `v1` Service is read as one."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, model_validator

from weft.resources.base import Model, Resource
from weft.resources.source import Source
from weft.resources.types import AtLeastOne, DnsLabel, DnsName, IpAddress, Port, SpiffeId, Time, Weight, once, wrong

Protocol: TypeAlias = Literal["HTTP", "HTTP2", "GRPC", "TCP", "TLS"]
TlsMode: TypeAlias = Literal["permissive", "strict", "off"]

# Kubernetes' appProtocol names (KEP-3726) and the prefixes of port names that Istio made common.
_BY_APP_PROTOCOL: dict[str, Protocol] = {
    "http": "HTTP",
    "https": "TLS",
    "http2": "HTTP2",
    "kubernetes.io/h2c": "HTTP2",
    "kubernetes.io/ws": "HTTP",
    "grpc": "GRPC",
    "tcp": "TCP",
    "tls": "TLS",
}


class ServicePort(Model):
    # What `sectionName` means.
    name: DnsLabel | None = None
    # As clients know it.
    port: Port
    # Not given: by the port's name ("http", "grpc-admin"), else detected from the first bytes.
    protocol: Protocol | None = None
    # The same in Kubernetes' words.
    app_protocol: str | None = None
    # Else the service's `mtls`, else the mesh's.
    tls: TlsMode | None = None

    @model_validator(mode="after")
    def _one_protocol(self) -> ServicePort:
        if self.protocol and self.app_protocol and self.protocol != _by_app_protocol(self.app_protocol):
            raise wrong(f"protocol {self.protocol} and appProtocol {self.app_protocol!r} disagree", "write one of them")
        return self

    @property
    def speaks(self) -> Protocol | None:
        """What is spoken on it; None: to be detected."""
        if self.protocol:
            return self.protocol
        if self.app_protocol:
            return _by_app_protocol(self.app_protocol)
        return _BY_APP_PROTOCOL.get((self.name or "").partition("-")[0])

    @property
    def opaque(self) -> bool:
        return self.speaks in ("TCP", "TLS")


def _by_app_protocol(name: str) -> Protocol | None:
    """An unknown name is opaque and not detected: it was declared, and it is not HTTP."""
    return _BY_APP_PROTOCOL.get(name.lower(), "TCP")


class Health(Model):
    """One of `http` (a path), `tcp`, `grpc` (a service name, "" for the whole server)."""

    # Healthy when GET of this path is answered 2xx.
    http: str | None = None
    # Healthy when a connection is accepted.
    tcp: Literal[True] | None = None
    # Healthy when grpc.health.v1 says SERVING.
    grpc: str | None = None
    # The service port asked; the first one without it.
    port: Port | None = None
    # From one question to the next, give or take a tenth.
    interval: Time = 10_000
    # How long an answer may take.
    timeout: Time = 1_000
    # Answers in a row until it counts.
    rise: AtLeastOne = 2
    # Failures in a row until it counts.
    fall: AtLeastOne = 3

    @model_validator(mode="after")
    def _one_kind(self) -> Health:
        if sum(v is not None for v in (self.http, self.tcp, self.grpc)) != 1:
            raise wrong("health needs exactly one of http, tcp, grpc", "such as http: /healthz")
        if self.http is not None and not self.http.startswith("/"):
            raise wrong(f"the path {self.http!r} does not start with /", f'write "/{self.http}"')
        if self.timeout > self.interval:
            raise wrong("timeout must be at most interval")
        return self


class Subset(Model):
    # What a backendRef's `subset` means.
    name: DnsLabel
    # Workloads that have all of these.
    labels: dict[str, str] = Field(min_length=1)


class StaticEndpoint(Model):
    """For what no proxy registers: other people's servers, and `weft-proxy run --program`."""

    # Where it is; no name.
    address: IpAddress
    # Where the service has one port: the endpoint's own; without it the service port.
    port: Port | None = None
    # What subsets choose by.
    labels: dict[str, str] = Field(default_factory=dict)
    # Its share among the service's endpoints.
    weight: Weight = 1
    # The SPIFFE ID to be proved on connect; without it the endpoint is not meshed and gets plaintext.
    identity: SpiffeId | None = None
    # Where it stands.
    zone: str = ""


class Mtls(Model):
    # `strict`: no caller without an identity; `off`: no TLS at all.
    mode: TlsMode


class ServiceSpec(Model):
    # What clients call.
    ports: tuple[ServicePort, ...] = Field(min_length=1, max_length=64)
    # Service accounts (of the service's namespace) that may serve it; None: one with the service's name.
    identities: tuple[DnsName, ...] | None = Field(default=None, min_length=1, max_length=64)
    # Asked by each workload's own proxy; else a connect.
    health: Health | None = None
    # Parts of it, by labels: its versions, say.
    subsets: tuple[Subset, ...] = Field(default=(), max_length=64)
    # For all ports that do not say otherwise.
    mtls: Mtls | None = None
    # Those that nobody registers.
    endpoints: tuple[StaticEndpoint, ...] = Field(default=(), max_length=10_000)
    # Beside them: what is found elsewhere, and moves.
    discovery: tuple[Source, ...] = Field(default=(), max_length=16)

    @model_validator(mode="after")
    def _names_once(self) -> ServiceSpec:
        once("ports", (str(p.port) for p in self.ports))
        once("ports", (p.name for p in self.ports if p.name))
        once("subsets", (s.name for s in self.subsets))
        once("discovery", map(str, self.discovery))
        if len(self.ports) > 1 and any(s.brings_ports for s in self.discovery):
            raise wrong("the port of what DNS finds is ambiguous where the service has several", "split it")
        if len(self.ports) > 1 and any(e.port for e in self.endpoints):
            raise wrong("an endpoint's port is ambiguous where the service has several", "leave it out, or split it")
        if self.health and self.health.port and self.health.port not in {p.port for p in self.ports}:
            raise wrong(f"health asks port {self.health.port}, which the service does not have")
        return self


class Service(Resource):
    KIND = "Service"
    API_VERSIONS = ("weft/v1", "v1")

    spec: ServiceSpec

    @model_validator(mode="after")
    def _name_is_a_label(self) -> Service:
        """ "reviews.v2.default.mesh" could be two services."""
        if "." in self.metadata.name:
            raise wrong(f"the service name {self.metadata.name!r} has a dot", "it is one label of host names")
        return self

    @model_validator(mode="before")
    @classmethod
    def _from_core(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("apiVersion") == "v1" and isinstance(value.get("spec"), dict):
            return {**value, "spec": _core_spec(value["spec"])}
        return value

    def port(self, number: int) -> ServicePort | None:
        return next((p for p in self.spec.ports if p.port == number), None)

    def meant(self, number: int | None, name: str | None) -> tuple[ServicePort, ...]:
        """The ports that a reference means: the one with that number or name; all of them when it says neither."""
        return tuple(p for p in self.spec.ports if number in (None, p.port) and name in (None, p.name))

    def subset(self, name: str) -> Subset | None:
        return next((s for s in self.spec.subsets if s.name == name), None)

    @property
    def accounts(self) -> tuple[str, ...]:
        return self.spec.identities or (self.metadata.name,)


# Fields of a core Service that concern Kubernetes' own way of serving it. Read past, because their effect is not ours.
_CORE_ELSEWHERE = frozenset(
    (
        "allocateLoadBalancerNodePorts",
        "clusterIP",
        "clusterIPs",
        "externalIPs",
        "externalName",
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "internalTrafficPolicy",
        "ipFamilies",
        "ipFamilyPolicy",
        "loadBalancerClass",
        "loadBalancerIP",
        "loadBalancerSourceRanges",
        "publishNotReadyAddresses",
        "selector",
        "sessionAffinity",
        "sessionAffinityConfig",
        "trafficDistribution",
        "type",
    )
)
_CORE_PORT_ELSEWHERE = frozenset(("targetPort", "nodePort"))


def _core_spec(spec: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in spec.items() if k not in _CORE_ELSEWHERE}
    if isinstance(kept.get("ports"), list):
        kept["ports"] = [_core_port(p) for p in kept["ports"]]
    return kept


def _core_port(port: Any) -> Any:
    """There `protocol` is the transport; what is spoken is `appProtocol`."""
    if not isinstance(port, dict):
        return port
    transport = port.get("protocol", "TCP")
    if transport != "TCP":
        raise wrong(f"not supported yet: {transport} (port {port.get('port')})")
    return {k: v for k, v in port.items() if k != "protocol" and k not in _CORE_PORT_ELSEWHERE}
