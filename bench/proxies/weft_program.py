"""The programs that weft runs here: protobuf JSON of `weft.v1.Program`.

What a mesh would have in force is in force: metrics, a route table of 100 rules
that is walked to its end, P2C balancing, outlier detection, retries with a budget;
between two proxies mTLS and a rule that allows one principal.
"""

import base64
import ssl
from typing import Any

from bench.certificates import TRUST_DOMAIN, spiffe_id
from bench.proxies.launch import PATH, Site

# Any: the schema is in proto/weft/v1/program.proto; the proxy checks it when it loads.
Json = dict[str, Any]

SERVICE = "default/reviews"
PORT = 80
BACKEND = f"{SERVICE}:{PORT}"
SERVER = f"{SERVICE}-0"
RULES = 100


def weft_hop(site: Site) -> Json:
    """Outbound only, to an app without a proxy; two endpoints, so that P2C picks."""
    apps = [_plain(f"127.0.0.{n}", site.backend) for n in (1, 2)]
    program = _outbound(site, apps) | {"launch": _launch(site, "client")}
    program["launch"]["outbound"] = [_outbound_listener(site)]
    return program


def weft_pair(site: Site) -> Json:
    """Both ends in one process: which has one identity, so both are `client`."""
    program = _outbound(site, [_meshed(site, "client")])
    program |= {"inbounds": [_inbound()], "launch": _launch(site, "client")}
    program["launch"]["outbound"] = [_outbound_listener(site)]
    program["launch"]["inbound"] = [_inbound_listener(site)]
    return program


def weft_pair_client(site: Site) -> Json:
    program = _outbound(site, [_meshed(site, "server")])
    program["launch"] = _launch(site, "client")
    program["launch"]["outbound"] = [_outbound_listener(site)]
    return program


def weft_pair_server(site: Site) -> Json:
    launch = _launch(site, "server")
    launch["inbound"] = [_inbound_listener(site)]
    return {"mesh": _mesh(site), "inbounds": [_inbound()], "launch": launch}


def weft_stranger(site: Site, callee: str) -> Json:
    """A caller that is as well certified as `client`, and not allowed."""
    program = _outbound(site, [_meshed(site, callee)])
    program["launch"] = _launch(site, "stranger")
    program["launch"]["outbound"] = [_outbound_listener(site) | {"address": f"127.0.0.1:{site.stranger}"}]
    return program


def _outbound(site: Site, endpoints: list[Json]) -> Json:
    return {
        "mesh": _mesh(site),
        "frontends": [_frontend()],
        "backends": [_backend()],
        "endpoints": [{"name": BACKEND, "endpoints": endpoints}],
    }


def _mesh(site: Site) -> Json:
    root = ssl.PEM_cert_to_DER_cert(site.certificates.roots.read_text())
    return {
        "name": "mesh",
        "trustDomain": TRUST_DOMAIN,
        "roots": [base64.b64encode(root).decode()],
        "accessLog": "ACCESS_LOG_OFF",
    }


def _frontend() -> Json:
    return {
        "name": f"{BACKEND}@*",
        "hosts": ["reviews", "127.0.0.1"],
        "port": PORT,
        "protocol": "APP_PROTOCOL_HTTP1",
        "hasRoutes": True,
        "defaultBackend": BACKEND,
        "routes": [_route(rule) for rule in range(RULES)],
        "actions": [_action()],
    }


def _route(rule: int) -> Json:
    """Only the last one matches, and the others share the beginning of its path.

    In the order that the compiler would give: exact paths, then prefixes by length.
    """
    return {
        "ruleId": f"HTTPRoute/default/reviews/{rule}",
        "match": _match(rule),
        "action": 0,
    }


def _match(rule: int) -> Json:
    service = PATH.rsplit("/", 1)[0]
    if rule == RULES - 1:
        return {"pathPrefix": service}
    if rule < RULES // 2:
        return {"pathExact": f"{service}/{1000 + rule}"}
    return {"pathPrefix": f"{service}/{1000 + rule}"}


def _action() -> Json:
    return {
        "ruleId": f"HTTPRoute/default/reviews/{RULES - 1}",
        "split": {"backends": [{"backend": BACKEND, "weight": 1}]},
        "timeouts": {"requestMs": 15_000},
        "retry": {"attempts": 2},
    }


def _backend() -> Json:
    """With the values that a mesh has when nobody sets any."""
    return {
        "name": BACKEND,
        "service": SERVICE,
        "port": PORT,
        "protocol": "APP_PROTOCOL_HTTP1",
        "balancer": {"peakEwma": {"decayMs": 10_000, "defaultRttUs": 1_000}},
        "outlier": {
            "consecutiveFailures": 5,
            "successRate": 80,
            "windowMs": 10_000,
            "minRequests": 5,
            "baseEjectionMs": 5_000,
            "maxEjectionMs": 300_000,
            "maxEjected": 50,
            "panicThreshold": 50,
        },
        "retryBudget": {"percent": 20, "minPerSecond": 10, "windowMs": 10_000},
        "connectTimeoutMs": 5_000,
        "idleTimeoutMs": 3_600_000,
    }


def _plain(address: str, port: int) -> Json:
    workload = f"{SERVICE}-{address.rsplit('.', 1)[1]}"
    endpoint = {"address": address, "port": port, "workload": workload}
    return endpoint | {"health": "HEALTH_HEALTHY"}


def _meshed(site: Site, identity: str) -> Json:
    return {
        "address": "127.0.0.1",
        "port": site.inner,
        "workload": SERVER,
        "identity": spiffe_id(identity),
        "health": "HEALTH_HEALTHY",
    }


def _inbound() -> Json:
    return {
        "name": SERVER,
        "service": SERVICE,
        "ports": [
            {
                "port": PORT,
                "protocol": "APP_PROTOCOL_HTTP1",
                "tls": "TLS_MODE_STRICT",
                "tlsOrigin": "Mesh/mesh",
                "access": [_only_client()],
                "otherwise": "ACCESS_DEFAULT_DENY",
                "otherwiseOrigin": "AccessPolicy/default/reviews",
            }
        ],
    }


def _only_client() -> Json:
    return {
        "ruleId": "AccessPolicy/default/reviews/0",
        "action": "ACCESS_ACTION_ALLOW",
        "sources": [{"principals": [spiffe_id("client")]}],
    }


def _launch(site: Site, identity: str) -> Json:
    certificates = site.certificates
    return {
        "workload": {
            "namespace": "default",
            "name": "reviews-0" if identity == "server" else "productpage-0",
            "serviceAccount": identity,
        },
        "keyFile": str(certificates.key(identity)),
        "certificateFile": str(certificates.chain(identity)),
        "rootsFile": str(certificates.roots),
        # There, so that metrics are kept to be asked for.
        "admin": "127.0.0.1:0",
        "accessLog": "ACCESS_LOG_OFF",
        "ownAppOnly": False,
    }


def _outbound_listener(site: Site) -> Json:
    return {"address": f"127.0.0.1:{site.entry}", "frontend": BACKEND}


def _inbound_listener(site: Site) -> Json:
    return {
        "address": f"127.0.0.1:{site.inner}",
        "port": PORT,
        "app": f"127.0.0.1:{site.backend}",
        "inbound": SERVER,
    }
