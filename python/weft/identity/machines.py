"""Machine tokens: with one of them another machine runs its part of a weft.yaml.

A machine token is a bundle of join tokens, one for each identity that runs there, each with as many uses as there are
workloads of it. Their secrets are derived from the bundle's, so that the text stays short enough to be pasted; the
controller keeps them as join tokens like all others and never learns what they were derived from. Who finds the text
gets these identities and no others, as often as they were meant to be used, until it expires.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from weft.identity.errors import IdentityError
from weft.identity.spiffe import check_name
from weft.identity.tokens import DEFAULT_TTL_S, JoinToken, Order, Place, mint_as
from weft.store.model import Token

PREFIX = "weftm1."
# What one machine runs; each grant is a row in the store and about 60 bytes of the text.
MAX_GRANTS = 100
# A hundred grants with names of 63 letters.
MAX_TEXT = 64 * 1024
# Between the number of the bundle and that of a grant.
PART = "."


@dataclass(frozen=True, slots=True)
class Grant:
    """One identity that the machine may have."""

    namespace: str
    account: str
    # "<namespace>/<service>"; empty: it serves nothing.
    service: str = ""
    # Workloads.
    uses: int = 1


@dataclass(frozen=True, slots=True)
class MachineToken:
    """What the text carries."""

    id: str
    secret: str
    # "host:port" of the listener that needs an SVID, and of the one for joining.
    controller: str
    join: str
    # SHA-256 (hex) of the DER root that the controller's chain must end in.
    root: str
    domain: str
    machine: str
    grants: tuple[Grant, ...]
    # Unix seconds on the controller's clock.
    made: int = 0
    expires: int = 0

    def encode(self) -> str:
        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["grants"] = [[g.namespace, g.account, g.service, g.uses] for g in self.grants]
        text = json.dumps(fields, separators=(",", ":")).encode()
        return PREFIX + base64.urlsafe_b64encode(text).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> MachineToken:
        text = text.strip()
        if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
            raise _not_one(f"it does not begin with {PREFIX}")
        body = text.removeprefix(PREFIX)
        try:
            fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            texts = {name: str(fields[name]) for name in cls.__slots__ if name not in ("grants", "made", "expires")}
            grants = tuple(Grant(str(g[0]), str(g[1]), str(g[2]), int(g[3])) for g in fields["grants"])
            return cls(**texts, grants=grants, made=int(fields["made"]), expires=int(fields["expires"]))
        except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
            raise _not_one("it is cut off or changed") from error

    def for_grant(self, namespace: str, account: str, service: str) -> JoinToken | None:
        """The join token of one identity; None: it is not among the grants."""
        for number, grant in enumerate(self.grants):
            if (grant.namespace, grant.account, grant.service) == (namespace, account, service):
                return JoinToken(
                    *(_part(self.id, number), derived(self.secret, grant), self.controller, self.join, self.root),
                    *(self.domain, namespace, account, service, self.expires),
                )
        return None


def mint_machine(
    machine: str, grants: Iterable[Grant], place: Place, now: float, ttl_s: float = DEFAULT_TTL_S
) -> tuple[MachineToken, list[Token]]:
    """The token to hand out, and what the store keeps: a join token for each grant."""
    check_name("machine", machine)
    grants = tuple(grants)
    if not 1 <= len(grants) <= MAX_GRANTS:
        raise IdentityError("invalid", f"a machine cannot run {len(grants)} services", f"name 1 to {MAX_GRANTS}")
    if len({(g.namespace, g.account, g.service) for g in grants}) < len(grants):
        raise IdentityError("invalid", "an identity is granted twice", "add up its uses")
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    kept = [
        mint_as(
            (_part(token_id, number), derived(secret, grant)),
            Order(grant.namespace, grant.account, grant.service, ttl_s, grant.uses),
            place,
            now,
        )[1]
        for number, grant in enumerate(grants)
    ]
    given = MachineToken(
        *(token_id, secret, place.controller, place.join, place.root_sha256, place.trust_domain),
        *(machine, grants, int(now), int(now + ttl_s)),
    )
    return given, kept


def derived(secret: str, grant: Grant) -> str:
    """HMAC (RFC 2104) with SHA-256: who has one grant's secret knows nothing of another's."""
    # No name has a line end, so that no two grants are one text.
    text = "\n".join(("weft machine token", grant.namespace, grant.account, grant.service))
    digest = hmac.digest(secret.encode(), text.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _part(token_id: str, number: int) -> str:
    return f"{token_id}{PART}{number}"


def _not_one(why: str) -> IdentityError:
    return IdentityError(
        "invalid", f"this is not a machine's token: {why}", "`weft token machine NAME`, where the controller runs"
    )
