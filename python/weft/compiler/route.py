"""Table `route`: rules to entries in precedence order, and to actions.

An engine walks the list and takes the first entry that matches; all of Gateway API's precedence is in the order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from weft.compiler import edit
from weft.compiler.attach import Effective, resolve_backend
from weft.compiler.index import Age, Index
from weft.compiler.requires import of_action, of_entry
from weft.compiler.retry import route_retry, traffic_retry
from weft.compiler.timeouts import request_timeouts
from weft.resources.httproute import BackendRef, HTTPRoute, RouteMatch, Rule
from weft.resources.ref import Ref
from weft.resources.service import ServicePort
from weft.resources.trafficpolicy import Sticky
from weft.v1 import program_pb2 as pb

# A rule without matches matches everything.
_EVERYTHING = (RouteMatch(),)
_PATH_RANK = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}


@dataclass(slots=True)
class RouteTable:
    """Entries and actions of one frontend, and what they were made of."""

    entries: list[pb.RouteEntry] = field(default_factory=list)
    actions: list[pb.RouteAction] = field(default_factory=list)
    backends: set[str] = field(default_factory=set)


def route_table(index: Index, routes: list[Ref], port: ServicePort, policy: Effective) -> RouteTable:
    table = RouteTable()
    ranked: list[tuple[Any, pb.RouteEntry]] = []
    for ref in routes:
        route, age = index.route(ref), index.age(ref)
        for number, rule in enumerate(route.spec.rules):
            table.actions.append(_action(index, route, number, port, policy, table.backends))
            for place, match in enumerate(rule.matches or _EVERYTHING):
                entry = _entry(route.rule_id(number), match, action=len(table.actions) - 1)
                ranked.append(((*precedence(match, age), number, place), entry))
    ranked.sort(key=lambda pair: pair[0])
    table.entries = [entry for _, entry in ranked]
    return table


def precedence(match: RouteMatch, age: Age) -> tuple[int, int, bool, int, int, Age]:
    """Smaller wins: Exact > longest prefix > regex; method; most headers; most query parameters; oldest."""
    prefix = len(_prefix(match.path.value)) if match.path.type == "PathPrefix" else 0
    return (
        _PATH_RANK[match.path.type],
        -prefix,
        match.method is None,
        -len(match.headers),
        -len(match.query_params),
        age,
    )


def _prefix(path: str) -> str:
    """By segment, so "/a/" and "/a" mean the same."""
    return path.rstrip("/") or "/"


def _entry(rule_id: str, match: RouteMatch, action: int) -> pb.RouteEntry:
    message = _match(match)
    return pb.RouteEntry(rule_id=rule_id, match=message, action=action, requires=of_entry(message))


def _match(match: RouteMatch) -> pb.RouteMatch:
    message = pb.RouteMatch(method=match.method or "")
    if match.path.type == "Exact":
        message.path_exact = match.path.value
    elif match.path.type == "PathPrefix":
        message.path_prefix = _prefix(match.path.value)
    else:
        message.path_regex = match.path.value
    message.headers.extend(_field(h.name, h.type, h.value) for h in match.headers)
    message.query.extend(_field(q.name, q.type, q.value) for q in match.query_params)
    return message


def _field(name: str, type_: str, value: str) -> pb.FieldMatch:
    return pb.FieldMatch(name=name, exact=value) if type_ == "Exact" else pb.FieldMatch(name=name, regex=value)


def _action(
    index: Index, route: HTTPRoute, number: int, port: ServicePort, policy: Effective, backends: set[str]
) -> pb.RouteAction:
    rule = route.spec.rules[number]
    action = pb.RouteAction(rule_id=route.rule_id(number))
    edit.edit_headers(action, rule.filters)
    redirect, rewrite = rule.filter("RequestRedirect"), rule.filter("URLRewrite")
    if redirect is not None and redirect.request_redirect is not None:
        action.redirect.CopyFrom(edit.redirect(redirect.request_redirect))
    else:
        action.split.CopyFrom(_split(index, route, rule, policy))
        backends.update(b.backend for b in action.split.backends if b.backend)
    if rewrite is not None and rewrite.url_rewrite is not None:
        action.rewrite.CopyFrom(edit.rewrite(rewrite.url_rewrite))
    set_limits(action, port, policy, rule)
    action.requires.extend(of_action(action))
    return action


def set_limits(action: pb.RouteAction, port: ServicePort, policy: Effective, rule: Rule | None = None) -> None:
    """Timeouts and retry: the rule's own, else the policy's of the service that was called."""
    timeouts = request_timeouts(rule.timeouts if rule else None, policy.block("timeouts"), port)
    if timeouts is not None:
        action.timeouts.CopyFrom(timeouts)
    if rule is not None and rule.retry is not None:
        action.retry.CopyFrom(route_retry(rule.retry))
    elif (retry := policy.block("retry")) is not None:
        action.retry.CopyFrom(traffic_retry(retry))


def _split(index: Index, route: HTTPRoute, rule: Rule, policy: Effective) -> pb.Split:
    """Weights as written. Nothing to send to is answered 500, as Gateway API's conformance tests ask."""
    if not rule.backend_refs:
        return _nowhere("the rule has no backendRefs")
    if not any(b.weight for b in rule.backend_refs):
        return _nowhere("every weight is 0")
    # A share of 0 gets nothing: it is left out, so that no proxy asks for its endpoints.
    split = pb.Split(backends=[_share(index, route, b) for b in rule.backend_refs if b.weight])
    # With one side there is nothing to keep to, and nothing that an older proxy would have to know.
    if len(split.backends) > 1 and (written := policy.block("split")) is not None:
        split.sticky.CopyFrom(_sticky(written.sticky))
    return split


def _sticky(sticky: Sticky) -> pb.Sticky:
    if sticky.cookie is None:
        return pb.Sticky(header=sticky.header)
    return pb.Sticky(cookie=pb.StickyCookie(name=sticky.cookie.name, ttl_ms=sticky.cookie.ttl or 0))


def _nowhere(why: str) -> pb.Split:
    return pb.Split(backends=[pb.WeightedBackend(weight=1, invalid=why)])


def _share(index: Index, route: HTTPRoute, backend: BackendRef) -> pb.WeightedBackend:
    resolved = resolve_backend(index, route, backend)
    share = pb.WeightedBackend(backend=resolved.key, weight=backend.weight, invalid=resolved.message)
    edit.edit_headers(share, backend.filters)
    return share
