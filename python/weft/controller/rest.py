"""REST of the controller: what the CLI, the Python API and the dashboard speak.

All bodies are JSON (`Content-Type: application/json` is required on POST). Times are Unix seconds (float); a missing
value is null. Refs are "Kind/namespace/name". OpenAPI: `GET /openapi.json`.

Who may ask: on loopback, processes of the controller's own user and root (the kernel is asked who owns the
connection); anybody else needs `Authorization: Bearer <text of STATE_DIR/rest.token>`. The `Host` header must name this
listener, and a foreign `Origin` is refused: a web page cannot reach the mesh through somebody's browser.

An error has status 400 (bad request), 401, 403, 404, 409 (`expect` did not hold), 413, 422 (resources are wrong), 503
(not ready, store full), 504, and this body:

    {"error": "what is wrong", "hint": "what to do" | null, "problems": [Problem]}

    Problem     {"message": str, "hint": str | null, "ref": str | null, "field": "spec.rules[0].matches" | null,
                 "origin": Origin | null, "severity": "error" | "warning"}
    Origin      {"file": str, "line": int, "column": int, "rules": [int]}        rules: lines of spec.rules; 0: unknown
    Resource    {"ref", "revision": int, "generation": int, "created_at", "updated_at", "owner": str | null,
                 "origin": Origin | null, "document": {...as in YAML...}}
    Condition   {"type": "Accepted" | "ResolvedRefs" | "Programmed" | "Enforced",
                 "status": "True" | "False" | "Unknown" | "Partial", "reason": str, "message": str}

Resources
    GET    /v1/resources?kind=&namespace=&name=&owner=&at=REVISION
               -> {"revision": int, "resources": [Resource]}
    GET    /v1/resources/{kind}/{namespace}/{name}                    -> Resource, or 404
    GET    /v1/resources/{kind}/{namespace}/{name}/history
               -> {"history": [{"revision", "action": "created"|"configured"|"deleted", "at", "owner", "generation",
                                "document": {...} | null}]}                                       newest first
    POST   /v1/apply   {"documents": [{...resource as in YAML..., "origin"?: Origin}], "owner"?: str, "prune"?: bool,
                        "dry_run"?: bool, "expect"?: {ref: revision (0: must not exist)}, "partial"?: bool}
               -> {"revision": int, "dry_run": bool,
                   "results": [{"ref", "action": "created"|"configured"|"unchanged"|"deleted"|"rejected",
                                "revision": int, "problems": [Problem]}]}
               One transaction. Default: all or nothing, 422 with the same body plus "error" when any is rejected
               (nothing is written; the others are reported as they would have been). `partial`: bad ones are rejected
               by name, the rest applied, 200. `prune` needs `owner`: what that owner has and the documents lack is
               deleted. `expect` that does not hold: 409. Warnings come as problems of an accepted result.
    DELETE /v1/resources/{kind}/{namespace}/{name}?expect=REVISION
               -> {"revision": int, "results": [{"ref", "action": "deleted", ...}]}, or 404
    POST   /v1/rollback {"revision": int, "dry_run"?: bool}           -> as apply; created_at of what returns is kept
    GET    /v1/watch?after=REVISION                                        -> JSON lines, without end:
               {"revision", "ref", "action": "created"|"configured"|"deleted", "document": {...} | null}
               `after` older than the history that is kept: 410.

State
    GET    /v1/status?kind=&namespace=&name=
               -> {"revision": int, "compiled_revision": int,
                   "objects": [{"ref", "revision", "generation", "owner", "origin": Origin | null,
                                "conditions": [Condition],
                                "programmed": {"applied": int, "needed": int,
                                               "missing": [{"workload", "reason", "capabilities": [str]}]}}]}
    GET    /v1/workloads?namespace=&service=
               -> {"workloads": [{"name": "ns/name", "namespace", "service": "ns/svc" | "", "version", "labels", "zone",
                    "identity": spiffe id | "", "health": "healthy"|"unhealthy"|"unknown"|"draining", "health_reason",
                    "lease": "attached"|"lost", "lost_seconds": float | null,
                    "ports": [{"port", "address", "listen_port"}], "admin": "ip:port" | "", "proxy_version",
                    "capabilities": [str], "certificate_not_after": float | null,
                    "certificate_seconds_left": float | null,
                    "sync": {"connected": bool, "subscriptions": int, "current": int, "pending": [name],
                             "rejected": [{"kind", "name", "version", "reason", "missing": [str]}]},
                    "problems": [str]}]}                    e.g. "no such service default/reviews"
    GET    /v1/services?namespace=      -> {"services": [{"name": "ns/svc", "namespace", "service", "declared": bool,
                                           "ports": [{"port": int, "protocol": str, "name": str | null}],
                                           "workloads": int, "healthy": int}]}
    GET    /v1/programs                 -> {"programs": [{"kind", "key", "version", "origins": [ref], "requires"}]}
    GET    /v1/programs/{kind}?key=     -> {"programs": [{"kind", "key", "version", "needs": [{"kind", "key"}],
                                           "requires", "origins", "content": {...protobuf JSON, original names...}}]}
    POST   /v1/explain {"from": "ns/workload-or-service", "to": str, "method", "path", "headers": {name: value}}
               -> what `weft.ask.explain` answers
    GET    /v1/requests/{id}            -> {"id", "found": [{"workload", "admin", "record": {...}}], "asked": int,
                                           "failed": [{"workload", "admin", "error"}]}

Observation
    GET    /v1/edges?seconds=60&by=service|version|workload&namespace=
               -> {"seconds": float, "edges": [{"source": {"workload","service","version"} , "destination": {same},
                    "tls", "protocol", "port", "side": "source"|"destination",
                    "requests": int, "failures": int, "retries": int, "connections": int,
                    "request_bytes": int, "response_bytes": int, "classes": {"1xx": int .. "5xx": int},
                    "requests_per_second": float, "success_rate": float | null,
                    "p50_ms": float | null, "p90_ms": .., "p99_ms": .., "reasons": {code: int}}]}
    GET    /v1/edges/history?seconds=3600&step=10&source=ns/svc&destination=ns/svc
               -> {"step": int, "points": [{"at", "requests", "failures", "p50_ms", "p90_ms", "p99_ms"}]}
    GET    /v1/rules                    -> {"rules": [{"rule_id", "hits": int, "audit_hits": int, "last_hit_at",
                                           "origin": Origin | null}]}
    GET    /v1/events?after=ID&limit=&kind=
               -> {"events": [{"id": int, "at", "kind", "subject", "text", "severity": "info"|"warning"|"error"}],
                   "last": int, "lost": int}                lost: events after `after` that the ring no longer holds

Identity
    POST   /v1/tokens {"namespace", "service_account", "service"?: str, "ttl_seconds"?: 3600, "uses"?: 1}
               -> {"token": "weft1....", "spiffe_id", "expires_at", "uses", "controller": "host:port",
                   "root_sha256", "hint": str | null}
    GET    /v1/tokens                   -> {"tokens": [{"id", "namespace", "service_account", "service", "created_at",
                                           "expires_at", "uses", "used"}]}     never the secret
    DELETE /v1/tokens/{id}              -> {"id"}
    GET    /v1/certs                    -> {"trust_domain", "roots": [{"sha256", "subject", "not_before", "not_after",
                                           "pem"}], "controller": {"spiffe_id", "not_after", "names": [str]},
                                           "issued": [{"serial", "spiffe_id", "workload", "not_before", "not_after",
                                           "proof": "token"|"svid"|"unix"}]}

Controller
    GET    /v1/health                   -> {"status": "ok"|"starting"|"degraded", "version", "revision",
                                           "compiled_revision", "trust_domain", "started_at", "streams": int,
                                           "workloads": int, "grpc_address", "join_address", "unix_socket",
                                           "problems": [str]}                       200, or 503 while starting
    GET    /openapi.json
"""
