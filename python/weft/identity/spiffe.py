"""SPIFFE IDs of weft: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.

https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md: a trust domain has lower-case letters, digits, dots,
dashes and underscores, at most 255 bytes; a path segment letters, digits, dots, dashes and underscores, and is never
empty, "." or ".."; the whole at most 2048 bytes. Nothing is percent-encoded, so equal text is equal identity.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from weft.identity.errors import IdentityError

# The controller's own identity. Nobody else is ever given it: whoever had it could be the controller to every proxy.
CONTROLLER_NAMESPACE = "weft"
CONTROLLER_ACCOUNT = "controller"

_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,253}")
_WHOLE = re.compile(r"spiffe://([^/]*)/ns/([^/]*)/sa/([^/]*)")


@dataclass(frozen=True, slots=True)
class SpiffeId:
    trust_domain: str
    namespace: str
    service_account: str

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{self.service_account}"

    @classmethod
    def parse(cls, text: str) -> SpiffeId:
        match = _WHOLE.fullmatch(text)
        if match is None:
            raise IdentityError("invalid", f"not an identity of a mesh: {text!r}", "expected spiffe://…/ns/…/sa/…")
        return cls(check_trust_domain(match[1]), check_name("namespace", match[2]), check_name("account", match[3]))

    @property
    def is_controller(self) -> bool:
        return (self.namespace, self.service_account) == (CONTROLLER_NAMESPACE, CONTROLLER_ACCOUNT)


def check_trust_domain(text: str) -> str:
    if not _TRUST_DOMAIN.fullmatch(text):
        raise IdentityError(
            "invalid", f"not a trust domain: {text!r}", "use lower-case letters, digits, dots and dashes"
        )
    return text


def check_name(what: str, text: str) -> str:
    if not _SEGMENT.fullmatch(text) or text in (".", ".."):
        hint = "use letters, digits, dots, dashes and underscores"
        raise IdentityError("invalid", f"not a {what}: {text[:80]!r}", hint)
    return text


def new_trust_domain() -> str:
    """Unique: two meshes that meet later must never share a name. 64 random bits."""
    return f"{secrets.token_hex(8)}.weft"
