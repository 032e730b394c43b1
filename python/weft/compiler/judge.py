"""Each object on its own: whether the core would take what it compiles to, before it is let near anything else.

A regex that RE2 refuses is found here, by name, and not in the middle of a frontend that ten teams share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from google.protobuf.message import Message

from weft.compiler.attach import Effective
from weft.compiler.authorise import rules
from weft.compiler.deliver import port_set
from weft.compiler.index import Dirty, Index
from weft.compiler.model import Stored
from weft.compiler.route import route_table
from weft.resources.accesspolicy import AccessPolicy
from weft.resources.base import Resource
from weft.resources.httproute import HTTPRoute
from weft.resources.service import Service
from weft.v1 import program_pb2 as pb

# (kind, serialised message) to the reason why it is refused; None: accepted. `weft._core.check`, as a rule.
Check: TypeAlias = Callable[[str, bytes], str | None]

_ANY_SERVICE = Service.model_validate({"metadata": {"name": "any"}, "spec": {"ports": [{"port": 1}]}})


def judge(stored: Stored, check: Check) -> str | None:
    """The first reason against it; None: it may go into the program."""
    try:
        for kind, message in _alone(stored.resource):
            reason = check(kind, message.SerializeToString(deterministic=True))
            if reason:
                return reason
    except Exception as error:  # one object must not take the others down, whatever is wrong with it or with us
        return f"a defect in weft's compiler, please report it: {type(error).__name__}: {error}"
    return None


def _alone(resource: Resource) -> Iterator[tuple[str, Message]]:
    """What it compiles to in an empty mesh."""
    index = Index()
    index.put(resource.ref, Stored(resource), Dirty())
    if isinstance(resource, HTTPRoute):
        table = route_table(index, [resource.ref], _ANY_SERVICE.spec.ports[0], _no_policy(index))
        message = pb.Frontend(name="judged", port=1, has_routes=True, routes=table.entries, actions=table.actions)
        yield "Frontend", message
    elif isinstance(resource, AccessPolicy):
        port = pb.InboundPort(port=1, tls=pb.TLS_MODE_STRICT, otherwise=pb.ACCESS_DEFAULT_DENY)
        port.access.extend(rules(index, resource))
        yield "Inbound", pb.Inbound(name="judged", ports=[port])
    elif isinstance(resource, Service):
        yield "Inbound", port_set(index, resource, ()).message


def _no_policy(index: Index) -> Effective:
    return Effective(index, _ANY_SERVICE, _ANY_SERVICE.spec.ports[0])
