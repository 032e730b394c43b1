"""Where would this request go, and why: the delivered messages are asked, by the very code that serves traffic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from weft.ask import core
from weft.ask.explanation import End, Explanation, Path, Step
from weft.ask.inbound import inbound
from weft.ask.outbound import Share, end, outbound, place
from weft.ask.parties import Callee, Caller, NotARequest, callee, caller
from weft.compiler.connect import discovered_name
from weft.compiler.model import Compiled
from weft.v1 import program_pb2 as pb

# RFC 9110, 5.6.2; RFC 9112, 3.2: neither may hold what ends it on the wire.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
TARGET = re.compile(r"/[^\x00-\x20\x7f]*")

# What a caller's address is taken to be where a rule asks for it and the question does not say.
SOURCE_IP = "127.0.0.1"


def explain(
    compiled: Compiled,
    source: str,
    to: str,
    method: str = "GET",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    source_ip: str = SOURCE_IP,
) -> Explanation:
    """Every table that the request passes. Raises `CannotAnswer` (a ValueError): `NotFound` for a service that nobody
    declared, `NotARequest` for what is malformed."""
    _refuse_malformed(method, path, headers or {})
    who = caller(compiled, source)
    what = callee(compiled, to, who.namespace)
    given = {name.lower(): value for name, value in (headers or {}).items()}
    request = core.Request(method, path, given.pop("host", what.host), tuple(given.items()))
    out = outbound(compiled, who, what, request)
    paths = tuple(p for share in out.shares for p in _paths(compiled, who, what, share, source_ip))
    notes = (who.note,) if who.note else ()
    return Explanation(who.name, what.name, method, path, out.steps, paths, notes)


def _refuse_malformed(method: str, path: str, headers: Mapping[str, str]) -> None:
    if not TOKEN.fullmatch(method):
        raise NotARequest(f"{method!r} is not a method", "a method is one word, such as GET")
    if not TARGET.fullmatch(path):
        raise NotARequest(f"{path!r} is not a path", "it begins with / and has no spaces or control characters")
    for name, value in headers.items():
        if not TOKEN.fullmatch(name) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise NotARequest(f"{name!r}: {value!r} is not a header", "a name is one word, a value one line")


def _paths(compiled: Compiled, who: Caller, what: Callee, share: Share, source_ip: str) -> Iterator[Path]:
    if share.end is not None:
        yield Path(share.percent, share.backend, (), (), share.end)
        return
    delivered = compiled.find("Endpoints", share.backend)
    message: Any = delivered.message if delivered else pb.Endpoints()
    backend: Any = compiled.delivered["Backend", share.backend].message
    shares, panic = core.candidates(backend, message)
    balance = _balance(compiled, backend, message, len(shares), panic)
    if not shares:
        yield Path(share.percent, share.backend, (), (balance,), end(compiled, "no-healthy-upstream"))
        return
    for group in _alike(compiled, [(message.endpoints[n], part) for n, part in shares]):
        percent = round(share.percent * sum(part for _, part in group), 2)
        first = group[0][0]
        connect, caller_seen = _connect(who, first, _found_by(compiled, backend.service, first))
        steps, ending = _inside(compiled, first, share, caller_seen, source_ip)
        names = tuple(e.workload for e, _ in group)
        yield Path(percent, share.backend, names, (balance, connect, *steps), ending)


def _balance(compiled: Compiled, backend: Any, message: Any, used: int, panic: bool) -> Step:
    kind = (backend.balancer.WhichOneof("kind") or "peak_ewma").replace("_", "-")
    decision = f"{kind} over {used} of {len(message.endpoints)} endpoints"
    if panic:
        decision += ": so few are healthy that all are used"
    origin = place(compiled, backend.origin)
    return Step("balance", decision if message.endpoints else "no endpoint", backend.origin, origin)


def _alike(compiled: Compiled, endpoints: list[tuple[Any, float]]) -> list[list[tuple[Any, float]]]:
    """Groups for which the answer is the same: meshed or not, and the same content of the Inbound but for its name."""
    groups: dict[tuple[bool, bytes], list[tuple[Any, float]]] = {}
    for endpoint, part in endpoints:
        found = compiled.find("Inbound", endpoint.workload)
        content = pb.Inbound()
        if found is not None:
            content.MergeFrom(found.message)  # type: ignore[arg-type]  # of kind Inbound
            content.ClearField("name")
        key = bool(endpoint.identity), content.SerializeToString(deterministic=True)
        groups.setdefault(key, []).append((endpoint, part))
    return list(groups.values())


def _found_by(compiled: Compiled, service: str, endpoint: Any) -> str:
    """The source that named it; empty where it was written or registered."""
    found = compiled.index.discovered.get(service, ()) if compiled.index else ()
    here = (each for each in found if discovered_name(service, each) == endpoint.workload)
    return next((f", found by {each.source}{' (stale)' if each.stale else ''}" for each in here), "")


def _connect(who: Caller, endpoint: Any, found_by: str) -> tuple[Step, Caller]:
    """How it is called, and who the callee sees."""
    address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    place = f"{address}:{endpoint.port}"
    if who.identity and endpoint.identity:
        return Step("connect", f"mTLS to {place}, which has to prove {endpoint.identity}{found_by}"), who
    why = "the caller has no proxy" if endpoint.identity else "the endpoint is not meshed"
    return Step("connect", f"plaintext to {place}: {why}{found_by}"), Caller(who.name, who.namespace, "")


def _inside(
    compiled: Compiled, endpoint: Any, share: Share, who: Caller, source_ip: str
) -> tuple[tuple[Step, ...], End]:
    delivered = compiled.find("Inbound", endpoint.workload)
    if delivered is None:
        return (Step("accept", "no proxy stands before it: nothing is asked"),), End(0)
    backend: Any = compiled.delivered["Backend", share.backend].message
    return inbound(compiled, delivered, backend.port, who, share.request, source_ip)
