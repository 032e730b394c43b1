"""Pieces of an Envoy bootstrap (v3 API) as plain dictionaries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.certificates import Certificates, spiffe_id

# Any: Envoy's configuration is JSON, checked by Envoy when it starts.
Json = dict[str, Any]

TYPES = "type.googleapis.com/envoy.extensions"
# Limits of a circuit breaker (1024 by default) that no run here can reach.
NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Http:
    alpn: str
    options: str


HTTP1 = Http(alpn="http/1.1", options="http_protocol_options")
HTTP2 = Http(alpn="h2", options="http2_protocol_options")


def listener(name: str, port: int, to: str, before: Sequence[Json], tls: Json | None = None) -> Json:
    """Whatever arrives at `port` goes to the cluster `to`."""
    chain: Json = {"filters": [_connection_manager(name, to, before)]}
    if tls is not None:
        chain["transport_socket"] = tls
    return {"name": name, "address": _address(port), "filter_chains": [chain]}


def cluster(name: str, port: int, http: Http, tls: Json | None = None) -> Json:
    endpoint = {"endpoint": {"address": _address(port)}}
    made: Json = {
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
        "circuit_breakers": {"thresholds": [_thresholds()]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{TYPES}.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {http.options: {}},
            }
        },
    }
    if tls is not None:
        made["transport_socket"] = tls
    return made


def only_client() -> Json:
    """The filter that lets one SPIFFE ID pass."""
    principal = {"authenticated": {"principal_name": {"exact": spiffe_id("client")}}}
    policy = {"permissions": [{"any": True}], "principals": [principal]}
    return {
        "name": "rbac",
        "typed_config": {
            "@type": f"{TYPES}.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"client": policy}},
        },
    }


def downstream_tls(certificates: Certificates, http: Http) -> Json:
    common = _common_tls(certificates, "server", http)
    # No SPIFFE ID is asked for here: the RBAC filter decides, request by request.
    return _transport(
        "DownstreamTlsContext",
        {"common_tls_context": common, "require_client_certificate": True},
    )


def upstream_tls(certificates: Certificates, http: Http) -> Json:
    common = _common_tls(certificates, "client", http)
    common["validation_context"]["match_typed_subject_alt_names"] = [
        {"san_type": "URI", "matcher": {"exact": spiffe_id("server")}}
    ]
    return _transport("UpstreamTlsContext", {"common_tls_context": common})


def _common_tls(certificates: Certificates, name: str, http: Http) -> Json:
    own = {
        "certificate_chain": {"filename": str(certificates.chain(name))},
        "private_key": {"filename": str(certificates.key(name))},
    }
    return {
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3",
        },
        "alpn_protocols": [http.alpn],
        "tls_certificates": [own],
        "validation_context": {"trusted_ca": {"filename": str(certificates.roots)}},
    }


def _transport(context: str, settings: Json) -> Json:
    kind = {"@type": f"{TYPES}.transport_sockets.tls.v3.{context}"}
    return {"name": "tls", "typed_config": kind | settings}


def _connection_manager(name: str, to: str, before: Sequence[Json]) -> Json:
    route = {"match": {"prefix": "/"}, "route": {"cluster": to}}
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    router = {
        "name": "router",
        "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router"},
    }
    manager = "filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "name": "http",
        "typed_config": {
            "@type": f"{TYPES}.{manager}",
            "stat_prefix": name,
            "route_config": {"name": name, "virtual_hosts": [host]},
            "http_filters": [*before, router],
        },
    }


def _thresholds() -> Json:
    limits = ("connections", "pending_requests", "requests", "retries")
    return {f"max_{limit}": NO_LIMIT for limit in limits}


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
