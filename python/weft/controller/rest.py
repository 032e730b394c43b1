"""REST of the controller: what the CLI, the Python API and the dashboard speak.

All bodies are JSON (`Content-Type: application/json` is required on POST). Times are Unix seconds (float); a missing
value is null. Refs are "Kind/namespace/name". OpenAPI: `GET /openapi.json`.

Who may ask: on loopback, processes of the controller's own user and root (the kernel is asked who owns the
connection); anybody else needs `Authorization: Bearer <text of STATE_DIR/controller/rest.token>`. The `Host` header
must name this listener, and a foreign `Origin` is refused: a web page cannot reach the mesh through somebody's browser.

An error has status 400 (bad request), 401, 403, 404, 409 (`expect` did not hold), 410 (history no longer kept), 413,
415, 422 (resources are wrong), 503 (not ready), 507 (store full), and this body:

    {"error": "what is wrong", "hint": "what to do" | null, "problems": [Problem]}

    Problem     {"message": str, "hint": str | null, "ref": str | null, "field": "spec.rules[0].matches" | null,
                 "origin": Origin | null, "severity": "error" | "warning"}
    Origin      {"file": str, "line": int, "column": int, "rules": [int]}        rules: lines of spec.rules; 0: unknown
    Resource    {"ref", "revision": int, "generation": int, "created_at", "updated_at", "owner": str | null,
                 "origin": Origin | null, "document": {...as in YAML...}}
    Condition   {"type": "Accepted" | "ResolvedRefs" | "Programmed" | "Enforced" | "Discovered",
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
    GET    /v1/revisions?limit=100
               -> {"revisions": [{"revision", "at", "changes": [{"ref", "action", "owner"}], "count": int}]}
               Newest first; `changes` has at most 100 of the `count` that there are.
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
                    "certificate_seconds_left": float | null, "clock_ahead_s": float | null (when it last said),
                    "sync": {"connected": bool, "subscriptions": int, "current": int, "pending": [name],
                             "rejected": [{"kind", "name", "version", "reason", "missing": [str]}]},
                    "problems": [str]}]}                    e.g. "no such service default/reviews"
    GET    /v1/services?namespace=      -> {"services": [{"name": "ns/svc", "namespace", "service", "declared": bool,
                                           "ports": [{"port": int, "protocol": str, "name": str | null}],
                                           "workloads": int, "healthy": int, "sources": [{"source", "state":
                    "pending"|"fresh"|"failing"|"stale", "problem": str | null,
                    "endpoints": [{"address", "port": int | null (the service's), "labels", "weight", "priority",
                                   "zone", "identity", "health", "stale": bool, "answers": bool | null}]}]}]}
    GET    /v1/endpoints?namespace=&service=
               -> {"endpoints": [{"service", "namespace", "port": int, "workload", "address": "ip:port",
                    "source": "registered"|"written"|"dns NAME"|"file PATH", "version", "zone", "identity", "health",
                    "seconds": float | null (since its source last named it, or its stream was lost), "stale": bool,
                    "answers": bool | null (a connect to a stale one), "problem": str | null}]}
    GET    /v1/programs                 -> {"programs": [{"kind", "key", "version", "origins": [ref], "requires"}]}
    GET    /v1/programs/{kind}?key=     -> {"programs": [{"kind", "key", "version", "needs": [{"kind", "key"}],
                                           "requires", "origins", "content": {...protobuf JSON, original names...}}]}
    POST   /v1/explain {"from": "ns/workload-or-service", "to": str, "method", "path", "headers": {name: value}}
               -> what `weft.ask.explain` answers
    GET    /v1/requests/{id}            -> {"id", "found": [{"workload", "admin", "record": {...}}], "asked": int,
                                           "failed": [{"workload", "admin", "error"}]}
               one entry for each record: a caller's proxy has one per try

Observation
    GET    /v1/edges?seconds=60&by=service|version|workload&namespace=
               -> {"seconds": float, "edges": [{"source": {"workload","service","version"} , "destination": {same},
                    "tls", "protocol", "port", "side": "source"|"destination",
                    "requests": int, "failures": int, "retries": int,
                    "retries_saved": int (requests that succeeded after a failed try), "connections": int,
                    "request_bytes": int, "response_bytes": int, "classes": {"1xx": int .. "5xx": int},
                    "requests_per_second": float, "success_rate": float | null,
                    "p50_ms": float | null, "p90_ms": .., "p95_ms": .., "p99_ms": .., "reasons": {code: int}}]}
    GET    /v1/signals?seconds=60&by=service|version|workload&namespace=
               -> {"seconds": float, "signals": [{"of": {"workload","service","version"}, ...numbers as of an edge}]}
               All edges that lead to one service, version or workload, taken together.
    GET    /v1/edges/history?seconds=3600&step=10&source=ns/svc&destination=ns/svc
               -> {"step": int, "points": [{"at", "requests", "failures", "p50_ms", "p90_ms", "p95_ms", "p99_ms"}]}
    GET    /v1/rules                    -> {"rules": [{"rule_id", "hits": int, "audit_hits": int, "last_hit_at",
                                           "origin": Origin | null}]}
    GET    /v1/events?after=ID&limit=&kind=&subject=PART&severity=LEAST&wait=SECONDS
               -> {"events": [{"id": int, "at", "kind", "subject", "text", "severity": "info"|"warning"|"error"}],
                   "last": int, "lost": int, "more": bool}  lost: events after `after` that the ring no longer holds
               `wait` (up to 25, with `after`): when there is none, the answer comes with the next one.

    GET    /v1/tap?source=&destination=&method=&path=&status=&reason=&min_latency_ms=&query=false
               -> one JSON object a line, without end, two kinds by "type":
               state    {"tapped": int, "not_tapped": [{"workload", "why"}], "unknown": [names that nothing has],
                         "left_out": int, "lost": int}  first, when it changes, and each 5 s
               request  {"at", "id", "source": {"workload","service","version"}, "destination": {same}, "principal",
                         "method", "authority", "path", "status": int | null (none was sent), "reason", "rule",
                         "latency_ms": float, "request_bytes", "response_bytes", "retries", "tls", "protocol", "port",
                         "side"}
               `source`, `destination`: NAMESPACE/NAME of a service or workload; `status`: 503 or 5xx; `path`: how it
               begins; `query=true`: paths with their query. docs/reference/wire.md says who sees what, and what not.
               503 when 16 are open.

    GET    /v1/stream                   -> server-sent events (text/event-stream), without end; data is JSON:
               edges      [edge] as of /v1/edges?by=version&seconds=60       services   as of /v1/services
               workloads  as of /v1/workloads, without the two seconds that tick
               revisions  {"revision", "compiled_revision", "started_at"}
               events     {"events": as of /v1/events, "lost": int}; its id is the last event's
               here       {}, each 5 s without any of the others
               Each comes first as it is, then when it has changed, at most once a second. `Last-Event-ID`: only events
               after that one. 503 for the 65th reader.

Identity
    POST   /v1/tokens {"namespace", "service_account", "service"?: str, "ttl_seconds"?: 3600, "uses"?: 1}
               -> {"token": "weft1....", "spiffe_id", "expires_at", "uses", "controller": "host:port",
                   "root_sha256", "hint": str | null}
    POST   /v1/machine-tokens {"machine", "grants": [{"namespace", "service_account", "service"?: str, "uses"?: 1}],
               "ttl_seconds"?: 3600}     a join token for each grant, in one text
               -> {"token": "weftm1....", "id", "machine", "spiffe_ids": [str], "expires_at", "uses": of all together,
                   "controller": "host:port", "root_sha256", "hint": str | null}
    GET    /v1/tokens                   -> {"tokens": [{"id", "namespace", "service_account", "service", "created_at",
                                           "expires_at", "uses", "used"}]}     never the secret
    DELETE /v1/tokens/{id}              -> {"id"}     of a machine's token: all its parts, "<id>.<number>"
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
    GET    /, /ui/...                   -> the dashboard; same guard
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from weft.controller.compiling import CompilerGone
from weft.controller.openapi import Described, document
from weft.controller.pages import Pages
from weft.controller.rest_endpoints import Endpoints
from weft.controller.rest_guard import Guard
from weft.controller.rest_identity import Certificates, MachineBody, TokenBody
from weft.controller.rest_json import ApiError
from weft.controller.rest_observe import Observation
from weft.controller.rest_resources import ApplyBody, Resources, RollbackBody
from weft.controller.rest_state import ExplainBody, State
from weft.controller.rest_stream import Live
from weft.controller.rest_tap import QUERY, Tapping
from weft.identity.errors import IdentityError
from weft.store.errors import Compacted, StoreError, StoreFull

if TYPE_CHECKING:
    from weft.controller.controller import Controller

log = logging.getLogger("weft.controller.rest")

_ONE = "/v1/resources/{kind}/{namespace}/{name}"
_NAMES = ("kind", "namespace", "name")


def build_app(controller: Controller, token: str, names: frozenset[str]) -> Guard:
    """The whole of REST. `names`: what this listener may be called besides loopback addresses."""
    table = _table(controller)
    described = document(each for each, _ in table)

    async def openapi(request: Request) -> Response:
        return JSONResponse(described)

    routes = [Route(each.path, _guarded(handler), methods=[each.method]) for each, handler in table]
    routes.append(Route("/openapi.json", openapi))
    pages = Pages()
    routes.append(Route("/ui/assets/{name:path}", _guarded(pages.asset)))
    routes += [Route(path, _guarded(pages.page)) for path in ("/", "/ui", "/ui/{rest:path}")]
    return Guard(Starlette(routes=routes, exception_handlers={HTTPException: _http_error}), token, names)


def _table(controller: Controller) -> list[tuple[Described, Callable[[Request], Awaitable[Response]]]]:
    """Every route: what it is, and who answers."""
    resources, state = Resources(controller), State(controller)
    observation, certificates = Observation(controller), Certificates(controller)
    live = Live(controller, state, observation)
    say = Described
    return [
        (say("GET", "/v1/resources", "Resources, also as they were", (*_NAMES, "owner", "at")), resources.list),
        (say("GET", _ONE, "One resource"), resources.get),
        (say("DELETE", _ONE, "Delete one resource", ("expect",)), resources.delete),
        (say("GET", _ONE + "/history", "Every change of one resource"), resources.history),
        (say("POST", "/v1/apply", "Create and change resources", (), ApplyBody), resources.apply),
        (say("GET", "/v1/revisions", "What each revision changed", ("limit",)), resources.revisions),
        (say("POST", "/v1/rollback", "Back to a revision", (), RollbackBody), resources.roll_back),
        (
            say("GET", "/v1/watch", "Changes as they come", ("after",), None, "application/x-ndjson"),
            resources.watch,
        ),
        (say("GET", "/v1/status", "What became of each resource", _NAMES), state.status),
        (say("GET", "/v1/workloads", "Who is registered", ("namespace", "service")), state.workloads),
        (say("GET", "/v1/services", "Names that can be called", ("namespace",)), state.services),
        (
            say("GET", "/v1/endpoints", "Who serves a service, whoever named them", ("namespace", "service")),
            Endpoints(controller).list,
        ),
        (say("GET", "/v1/programs", "What is delivered, without content"), state.programs),
        (say("GET", "/v1/programs/{kind}", "What is delivered", ("key",)), state.program),
        (say("POST", "/v1/explain", "Where a request would go, and why", (), ExplainBody), state.explain),
        (say("GET", "/v1/health", "Whether this controller is well"), state.health),
        (say("GET", "/v1/edges", "Who calls whom", ("seconds", "by", "namespace")), observation.edges),
        (say("GET", "/v1/signals", "How well each service is", ("seconds", "by", "namespace")), observation.signals),
        (
            say("GET", "/v1/edges/history", "One edge over time", ("seconds", "step", "source", "destination")),
            observation.history,
        ),
        (say("GET", "/v1/rules", "How often each rule decided"), observation.rules),
        (
            say("GET", "/v1/events", "What happened", ("after", "limit", "kind", "subject", "severity", "wait")),
            observation.events,
        ),
        (say("GET", "/v1/stream", "What changes, as it changes", (), None, "text/event-stream"), live.stream),
        (
            say("GET", "/v1/tap", "Requests as they pass", QUERY, None, "application/x-ndjson"),
            Tapping(controller).tap,
        ),
        (say("GET", "/v1/requests/{id}", "What proxies remember of one request"), observation.request),
        (say("POST", "/v1/tokens", "Make a join token", (), TokenBody), certificates.create_token),
        (
            say("POST", "/v1/machine-tokens", "Make a token for another machine", (), MachineBody),
            certificates.create_machine_token,
        ),
        (say("GET", "/v1/tokens", "Join tokens, without their secrets"), certificates.list_tokens),
        (say("DELETE", "/v1/tokens/{id}", "Delete a join token"), certificates.delete_token),
        (say("GET", "/v1/certs", "Roots and issued certificates"), certificates.certificates),
    ]


def _guarded(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Every failure in the one form that errors have."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return error.response()
        except Compacted as error:
            return ApiError(410, str(error), error.hint).response()
        except StoreError as error:
            status = 507 if isinstance(error, StoreFull) else 503
            return ApiError(status, str(error), error.hint).response()
        except CompilerGone as error:
            return ApiError(503, str(error), error.hint).response()
        except IdentityError as error:
            return ApiError(400, str(error), error.hint).response()
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return ApiError(
                500, "this is a defect in weft", "the controller's log has more; please report it"
            ).response()

    return guarded


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    hint = "GET /openapi.json lists what there is" if error.status_code in (404, 405) else None
    return ApiError(error.status_code, f"{request.method} {request.url.path}: {error.detail}", hint).response()
