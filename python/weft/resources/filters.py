"""The filters of a route's rule, and of its backends: what is changed on the way."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from weft.resources.base import Model
from weft.resources.problem import did_you_mean
from weft.resources.types import DnsName, HeaderName, HeaderText, Port, once, wrong

# Gateway API's own limits, which keep a frontend within reason.
MAX_FIELDS = 16
MAX_PATH = 1024


class HeaderValue(Model):
    # In any case.
    name: HeaderName
    # As it is sent.
    value: HeaderText


class HeaderModifier(Model):
    # In place of what is there.
    set: tuple[HeaderValue, ...] = Field(default=(), max_length=MAX_FIELDS)
    # Beside what is there.
    add: tuple[HeaderValue, ...] = Field(default=(), max_length=MAX_FIELDS)
    # By name.
    remove: tuple[HeaderName, ...] = Field(default=(), max_length=MAX_FIELDS)

    @model_validator(mode="after")
    def _edits_each_once(self) -> HeaderModifier:
        names = [v.name for v in (*self.set, *self.add)] + list(self.remove)
        once("a header modifier's edits", names)
        for name in names:
            if name.startswith("weft-"):
                raise wrong(f"{name!r} is the mesh's own header", "weft-* headers are stripped at every boundary")
        return self


class PathModifier(Model):
    # Which of the two below.
    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    # The new path.
    replace_full_path: str | None = Field(default=None, max_length=MAX_PATH)
    # What stands in place of the prefix that matched.
    replace_prefix_match: str | None = Field(default=None, max_length=MAX_PATH)

    @model_validator(mode="after")
    def _has_its_value(self) -> PathModifier:
        full = self.type == "ReplaceFullPath"
        given, other = (
            (self.replace_full_path, self.replace_prefix_match)
            if full
            else (self.replace_prefix_match, self.replace_full_path)
        )
        wanted = "replaceFullPath" if full else "replacePrefixMatch"
        if given is None or other is not None:
            raise wrong(f"type {self.type} goes with {wanted}, and only that")
        return self


class Redirect(Model):
    # Else as the request came.
    scheme: Literal["http", "https"] | None = None
    # Else as the request came.
    hostname: DnsName | None = None
    # Else as the request came.
    path: PathModifier | None = None
    # Else the scheme's own, or as the request came.
    port: Port | None = None
    # What the caller is answered.
    status_code: Literal[301, 302, 303, 307, 308] = 302


class Rewrite(Model):
    # The Host that the callee sees.
    hostname: DnsName | None = None
    # The path that the callee sees.
    path: PathModifier | None = None


_FILTERS = {
    "RequestHeaderModifier": "request_header_modifier",
    "ResponseHeaderModifier": "response_header_modifier",
    "RequestRedirect": "request_redirect",
    "URLRewrite": "url_rewrite",
}
_FILTERS_NOT_YET = ("RequestMirror", "CORS", "ExternalAuth", "ExtensionRef")


class Filter(Model):
    NOT_YET: ClassVar[frozenset[str]] = frozenset({"requestMirror", "cors", "externalAuth", "extensionRef"})

    # RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect or URLRewrite; its field goes with it.
    type: str
    # On the way to the callee.
    request_header_modifier: HeaderModifier | None = None
    # On the way back.
    response_header_modifier: HeaderModifier | None = None
    # The caller is told to go elsewhere.
    request_redirect: Redirect | None = None
    # The callee sees another host or path.
    url_rewrite: Rewrite | None = Field(default=None, alias="urlRewrite")

    @model_validator(mode="before")
    @classmethod
    def _is_known(cls, value: Any) -> Any:
        """Before the fields: "not supported yet: RequestMirror" says more than "unknown field requestMirror"."""
        kind = value.get("type") if isinstance(value, dict) else None
        if kind in _FILTERS_NOT_YET:
            raise wrong(f"not supported yet: {kind}", f"supported: {', '.join(_FILTERS)}")
        if isinstance(kind, str) and kind not in _FILTERS:
            raise wrong(f"there is no filter {kind!r}", did_you_mean(kind, _FILTERS))
        return value

    @model_validator(mode="after")
    def _has_its_value(self) -> Filter:
        given = {kind for kind, name in _FILTERS.items() if getattr(self, name) is not None}
        if given != {self.type}:
            name = type(self).model_fields[_FILTERS[self.type]].alias
            raise wrong(f"type {self.type} goes with {name}, and only that")
        return self
