"""`weft.Mesh`: everything that the CLI does, from Python.

    mesh = weft.Mesh.connect()
    mesh.apply("mesh.yaml", owner="shop", prune=True)
    for edge in mesh.edges():
        print(edge.source.service, "→", edge.destination.service, edge.success_rate)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from weft.client.decode import Malformed, decode
from weft.client.documents import Source, documents
from weft.client.errors import ControllerUnreachable, MeshError, NotFound
from weft.client.rest import Rest, controller_address
from weft.client.tap import Tapping, TapState
from weft.client.types import (
    Applied,
    Certificates,
    Edge,
    Endpoint,
    Event,
    EventPage,
    Health,
    LoggedRequest,
    MachineToken,
    PastChange,
    Revision,
    RuleHits,
    Service,
    Signals,
    Status,
    StoredResource,
    Token,
    TokenInfo,
    Workload,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["ControllerUnreachable", "Mesh", "MeshError", "NotFound"]

T = TypeVar("T")


class Mesh:
    """One mesh, through its controller. A context manager; not shared between threads."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    @classmethod
    def connect(
        cls, address: str | None = None, *, token: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> Mesh:
        """The mesh at `address`, else at $WEFT_CONTROLLER, else on this machine. Nothing is sent before the first call.

        `token` is the text of the controller's `rest.token`: needed from other machines and other users.
        """
        return cls(Rest(controller_address(address), token, transport))

    @property
    def address(self) -> str:
        return self._rest.address

    def close(self) -> None:
        self._rest.close()

    def __enter__(self) -> Mesh:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -------------------------------------------------------------------------------------------- resources

    def apply(
        self,
        sources: Source | Iterable[Source],
        *,
        owner: str | None = None,
        prune: bool = False,
        dry_run: bool = False,
        partial: bool = False,
        expect: Mapping[str, int] | None = None,
    ) -> Applied:
        """One transaction: all or nothing, unless `partial`. Raises MeshError with each problem's file and line."""
        body = {
            "documents": documents(sources),
            "owner": owner,
            "prune": prune,
            "dry_run": dry_run,
            "partial": partial,
            "expect": dict(expect) if expect else None,
        }
        return _one(Applied, self._rest.post("/v1/apply", body))

    def get(self, kind: str, name: str, namespace: str = "default") -> StoredResource:
        return _one(StoredResource, self._rest.get(_path(kind, namespace, name)))

    def list(
        self, kind: str | None = None, namespace: str | None = None, *, owner: str | None = None, at: int | None = None
    ) -> Sequence[StoredResource]:
        """`at`: as they were at that revision."""
        query = {"kind": kind, "namespace": namespace, "owner": owner, "at": at}
        return _many(StoredResource, self._rest.get("/v1/resources", query), "resources")

    def delete(self, kind: str, name: str, namespace: str = "default", *, expect: int | None = None) -> Applied:
        """`expect`: only if it is still at this revision."""
        return _one(Applied, self._rest.delete(_path(kind, namespace, name), {"expect": expect}))

    def history(self, kind: str, name: str, namespace: str = "default") -> Sequence[PastChange]:
        """Every change of one resource that is still kept, newest first."""
        return _many(PastChange, self._rest.get(f"{_path(kind, namespace, name)}/history"), "history")

    def revisions(self, limit: int | None = None) -> Sequence[Revision]:
        """What each revision changed, newest first."""
        return _many(Revision, self._rest.get("/v1/revisions", {"limit": limit}), "revisions")

    def rollback(self, revision: int, *, dry_run: bool = False) -> Applied:
        return _one(Applied, self._rest.post("/v1/rollback", {"revision": revision, "dry_run": dry_run}))

    # ------------------------------------------------------------------------------------------------ state

    def health(self) -> Health:
        return _one(Health, self._rest.get("/v1/health"))

    def status(self, kind: str | None = None, name: str | None = None, namespace: str | None = None) -> Status:
        query = {"kind": kind, "namespace": namespace, "name": name}
        return _one(Status, self._rest.get("/v1/status", query))

    def workloads(self, namespace: str | None = None, service: str | None = None) -> Sequence[Workload]:
        query = {"namespace": namespace, "service": service}
        return _many(Workload, self._rest.get("/v1/workloads", query), "workloads")

    def services(self, namespace: str | None = None) -> Sequence[Service]:
        return _many(Service, self._rest.get("/v1/services", {"namespace": namespace}), "services")

    def endpoints(self, namespace: str | None = None, service: str | None = None) -> Sequence[Endpoint]:
        """Who serves, whoever named them; `service` is "<namespace>/<service>"."""
        query = {"namespace": namespace, "service": service}
        return _many(Endpoint, self._rest.get("/v1/endpoints", query), "endpoints")

    def explain(
        self, source: str, to: str, method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """What would happen to this request, table by table; as `weft.ask` answers."""
        body = {"from": source, "to": to, "method": method, "path": path, "headers": dict(headers or {})}
        answer: dict[str, Any] = self._rest.post("/v1/explain", body)
        return answer

    def request(self, request_id: str) -> LoggedRequest:
        """What the proxies still remember of one request."""
        return _one(LoggedRequest, self._rest.get(f"/v1/requests/{_segment(request_id)}"))

    # ------------------------------------------------------------------------------------------ observation

    def edges(self, seconds: int = 60, by: str = "service", namespace: str | None = None) -> Sequence[Edge]:
        """Who called whom in the last `seconds`; `by`: service, version or workload."""
        query = {"seconds": seconds, "by": by, "namespace": namespace}
        return _many(Edge, self._rest.get("/v1/edges", query), "edges")

    def signals(self, seconds: int = 60, by: str = "service", namespace: str | None = None) -> Sequence[Signals]:
        """Rate, success and latency of whoever was called in the last `seconds`; `by`: service, version or workload."""
        query = {"seconds": seconds, "by": by, "namespace": namespace}
        return _many(Signals, self._rest.get("/v1/signals", query), "signals")

    def rules(self) -> Sequence[RuleHits]:
        return _many(RuleHits, self._rest.get("/v1/rules"), "rules")

    def events(self, after: int = 0, limit: int | None = None, kind: str | None = None) -> Sequence[Event]:
        query = {"after": after, "limit": limit, "kind": kind}
        return _many(Event, self._rest.get("/v1/events", query), "events")

    def event_page(
        self,
        after: int | None = None,
        *,
        limit: int | None = None,
        kind: str | None = None,
        subject: str | None = None,
        severity: str | None = None,
        wait: float | None = None,
    ) -> EventPage:
        """The oldest after number `after`, else the newest. `subject`: a part of it; `severity`: the least.

        `wait`: with nothing to tell, the answer comes after that many seconds at most (25), or with the next event.
        """
        query = {"after": after, "limit": limit, "kind": kind, "subject": subject, "severity": severity, "wait": wait}
        return _one(EventPage, self._rest.get("/v1/events", query))

    def tap(
        self,
        *,
        source: str | None = None,
        destination: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | str | None = None,
        reason: str | None = None,
        min_latency_ms: float | None = None,
        query: bool = False,
        on_state: Callable[[TapState], None] | None = None,
    ) -> Tapping:
        """Requests as they pass, without end: a context manager to iterate over.

        `source`, `destination`: "<namespace>/<name>" of a service or workload; `path`: how it begins; `status`: 503 or
        "5xx". `query`: paths with their query. `on_state` hears who cannot be tapped and how many requests were not
        shown, as `Tapping.state` does. Raises MeshError, at the first request, for a filter that is wrong.
        """
        asked = {
            "source": source,
            "destination": destination,
            "method": method,
            "path": path,
            "status": status,
            "reason": reason,
            "min_latency_ms": min_latency_ms,
            "query": "true" if query else None,
        }
        return Tapping(self._rest.lines("/v1/tap", asked), on_state)

    # --------------------------------------------------------------------------------------------- identity

    def token(
        self,
        service_account: str,
        namespace: str = "default",
        *,
        service: str | None = None,
        ttl_seconds: int = 3600,
        uses: int = 1,
    ) -> Token:
        """A new join token; its text is not shown again."""
        body = {
            "namespace": namespace,
            "service_account": service_account,
            "service": service,
            "ttl_seconds": ttl_seconds,
            "uses": uses,
        }
        return _one(Token, self._rest.post("/v1/tokens", body))

    def machine_token(
        self, machine: str, grants: Sequence[Mapping[str, Any]], *, ttl_seconds: int = 3600
    ) -> MachineToken:
        """A new token for another machine. Each of `grants`: `namespace`, `service_account`, perhaps `service`
        ("<namespace>/<service>") and `uses` (workloads, 1)."""
        body = {"machine": machine, "grants": list(grants), "ttl_seconds": ttl_seconds}
        return _one(MachineToken, self._rest.post("/v1/machine-tokens", body))

    def tokens(self) -> Sequence[TokenInfo]:
        return _many(TokenInfo, self._rest.get("/v1/tokens"), "tokens")

    def revoke(self, token_id: str) -> None:
        self._rest.delete(f"/v1/tokens/{_segment(token_id)}")

    def certs(self) -> Certificates:
        return _one(Certificates, self._rest.get("/v1/certs"))


def _path(kind: str, namespace: str, name: str) -> str:
    return f"/v1/resources/{_segment(kind)}/{_segment(namespace)}/{_segment(name)}"


def _segment(text: str) -> str:
    """Safe inside a path: a name never reaches another resource's address."""
    if not text or text in (".", ".."):
        raise MeshError(f"{text!r} is not a name")
    return quote(text, safe="")


def _one(target: type[T], answer: Any) -> T:
    try:
        return decode(target, answer)
    except Malformed as error:
        raise MeshError(
            f"the controller's answer cannot be read ({error})", "are the CLI and the controller of the same release?"
        ) from error


def _many(target: type[T], answer: Any, key: str) -> list[T]:
    listed = answer.get(key) if isinstance(answer, dict) else None
    return [_one(target, item) for item in listed or ()]
