"""The parts of an action that need no look-up: header edits, rewrites, redirects."""

from __future__ import annotations

from collections.abc import Iterable

from weft.resources.filters import Filter, HeaderModifier, PathModifier
from weft.resources.filters import Redirect as RedirectFilter
from weft.resources.filters import Rewrite as RewriteFilter
from weft.v1 import program_pb2 as pb


def headers(modifier: HeaderModifier) -> pb.HeaderEdit:
    return pb.HeaderEdit(
        set=[pb.HeaderValue(name=v.name, value=v.value) for v in modifier.set],
        add=[pb.HeaderValue(name=v.name, value=v.value) for v in modifier.add],
        remove=list(modifier.remove),
    )


def rewrite(change: RewriteFilter) -> pb.Rewrite:
    full, prefix = _paths(change.path)
    return pb.Rewrite(host=change.hostname or "", full=full, prefix=prefix)


def redirect(change: RedirectFilter) -> pb.Redirect:
    full, prefix = _paths(change.path)
    return pb.Redirect(
        scheme=change.scheme or "",
        host=change.hostname or "",
        port=change.port or 0,
        status=change.status_code,
        full=full,
        prefix=prefix,
    )


def _paths(modifier: PathModifier | None) -> tuple[str | None, str | None]:
    if modifier is None:
        return None, None
    if modifier.type == "ReplaceFullPath":
        return modifier.replace_full_path, None
    return None, modifier.replace_prefix_match


def edit_headers(message: pb.RouteAction | pb.WeightedBackend, filters: Iterable[Filter]) -> None:
    """Header modifiers stand at the same two places of an action and of one backend's share."""
    for each in filters:
        if each.request_header_modifier is not None:
            message.request_headers.CopyFrom(headers(each.request_header_modifier))
        if each.response_header_modifier is not None:
            message.response_headers.CopyFrom(headers(each.response_header_modifier))
