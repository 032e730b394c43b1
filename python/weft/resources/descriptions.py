"""What each field of a weft.yaml means, in one sentence: an editor shows it beside the field.

By model and field, in YAML's spelling. A field may also say it itself: `Field(description=…)`.
"""

from __future__ import annotations

_RUNS = {
    "run": "The command, split as a shell would, without one: no pipes and no $NAME; write sh -c '…' for those.",
    "command": "The command as a list of words, instead of `run`.",
    "replicas": "How many processes, of each version; default 1.",
    "env": "Environment of the app; wins over what weft sets, such as PORT and <SERVICE>_URL.",
    "machine": "Where it runs, by a name of your own; default: on the machine of the controller.",
}

DESCRIPTIONS: dict[str, dict[str, str]] = {
    "WeftFile": {
        "namespace": "Of everything in this file.",
        "mtls": "strict: callers that prove no identity are refused; default permissive.",
        "access": "For what no `calls` covers; default allow.",
        "egress": "For destinations that are no service; default allow.",
        "include": "Other files of this kind, relative to this one: their services stand beside these.",
        "controller": "The IP address of the machine that has it, for several machines; default: this one, for itself.",
        "resources": "Files of ordinary resources, relative to this one; * and ** stand for names and folders.",
        "publish": "Where people reach a service that stands in `resources`: {local: 8080, service: shop}.",
        "edge": "What the proxy is called through which people come in; default edge.",
        "services": "What runs, by name; the name is the one that clients call.",
    },
    "FileService": {
        **_RUNS,
        "port": "As clients know it; the app is told its own as PORT. Without one it serves nothing.",
        "ports": "Several ports, as numbers or with name and protocol; instead of `port`.",
        "publish": "Where people reach it: a port of 127.0.0.1, or several; {local: 8081, port: 9090} names which.",
        "protocol": "What is spoken on its ports; left out, it is detected.",
        "listen": "Where the app listens if it does not read PORT; then one replica only.",
        "directory": "Where it runs, relative to this file.",
        "account": "Its service account, the last part of its identity; default: the service's name.",
        "health": "A path (/healthz), tcp, or a mapping; default: a connect.",
        "restart": "What happens when the app has ended: never, on-failure or always.",
        "depends_on": "Starts after these, once they are healthy; {stock: {condition: service_started}} waits less.",
        "calls": "Services that it may call, and gets addresses for; everybody else is refused there.",
        "versions": "By name; each may override run, command, replicas and env, and have a weight.",
        "endpoints": "Where it is, for what weft does not run: no proxy stands before it.",
        "dns": "A name by which DNS knows where it is, instead of `endpoints`: A and AAAA, SRV where it begins with _.",
        "file": "A file that says where it is, instead of `endpoints`: read again when it changes.",
    },
    "Version": {**_RUNS, "weight": "Its share of the requests, beside the weights of the others."},
    "ServicePort": {
        "name": "A name of its own; http-…, grpc-… and the like say what is spoken.",
        "port": "As clients know it.",
        "protocol": "What is spoken on it; left out, it is detected.",
        "appProtocol": "The same in Kubernetes' words, such as kubernetes.io/h2c.",
        "tls": "What the proxy wants of callers on this port; default: as in the whole mesh.",
    },
    "Published": {
        "local": "The port of 127.0.0.1.",
        "port": "The port of the service that it leads to; default: the first.",
    },
    "PublishedService": {
        "local": "The port of 127.0.0.1.",
        "port": "The port of the service that it leads to; default: the first.",
        "service": "A service that stands in `resources`.",
    },
    "FileHealth": {
        "http": "A path that answers with a status below 400.",
        "tcp": "true: a connect is enough.",
        "grpc": "The service that grpc.health.v1 is asked for; an empty name: the whole server.",
        "port": "The port of the service that is asked; default: the first.",
        "interval": "How often it is asked.",
        "timeout": "How long an answer may take; at most `interval`.",
        "rise": "Good answers in a row until it is healthy.",
        "fall": "Bad answers in a row until it is unhealthy.",
        "start_period": "How long the app may take until it listens; then it has failed to start. Default 60s.",
    },
    "Dependency": {"condition": "What must be true of it before this one starts."},
    "DnsSource": {
        "name": "The name that is asked for.",
        "type": "Which records; auto: A and AAAA, SRV for a name that begins with _.",
        "port": "Where it listens, if not at the service's port; an SRV record says it itself.",
        "server": "The DNS server that is asked; default: what this machine asks.",
        "labels": "Of all endpoints that it finds: what subsets choose by, such as version: v1.",
    },
    "StaticEndpoint": {
        "address": "An IPv4 or IPv6 address.",
        "port": "Where it listens, if not at the service's port.",
        "labels": "What subsets choose it by, such as version: v1.",
        "weight": "Its share beside the other endpoints.",
        "identity": "The SPIFFE ID that it has to prove; without one it gets plaintext.",
        "zone": "Where it is; the near are preferred.",
    },
}
