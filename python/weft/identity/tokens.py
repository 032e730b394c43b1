"""Join tokens: one use, expiring, bound to a namespace and service account (and a service).

The text is "weft1." and base64url of JSON: it carries all that a new machine needs, the controller's addresses and its
root's hash among it, so that joining is one command. The store keeps only the secret's hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass

from weft.identity.errors import IdentityError
from weft.identity.spiffe import check_name
from weft.store.model import Token

PREFIX = "weft1."
# An hour: long enough to walk to the other machine, too short to be found in an old log.
DEFAULT_TTL_S = 3600.0
# A week, for images that are built now and started later.
MAX_TTL_S = 7 * 86_400.0
MAX_USES = 1000
# Any honest token is under 600 bytes.
MAX_TEXT = 4096


@dataclass(frozen=True, slots=True)
class JoinToken:
    """What the text carries. The controller believes only `id` and `secret`; the rest is for the joining side."""

    id: str
    secret: str
    # "host:port" of the listener that needs an SVID, and of the one for joining, which needs none.
    controller: str
    join: str
    # SHA-256 (hex) of the DER root that the controller's chain must end in.
    root: str
    domain: str
    namespace: str
    account: str
    service: str = ""
    # Unix seconds.
    expires: int = 0

    def encode(self) -> str:
        text = json.dumps(asdict(self), separators=(",", ":")).encode()
        return PREFIX + base64.urlsafe_b64encode(text).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> JoinToken:
        text = text.strip()
        if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
            raise _not_a_token("it does not begin with weft1.")
        body = text.removeprefix(PREFIX)
        try:
            fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            texts = {name: str(fields[name]) for name in cls.__slots__ if name in fields and name != "expires"}
            "".join(texts.values()).encode()  # half of a surrogate pair is no text
            return cls(**texts, expires=int(fields.get("expires", 0)))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise _not_a_token("it is cut off or changed") from error


@dataclass(frozen=True, slots=True)
class Place:
    """What a token says about its controller."""

    controller: str
    join: str
    root_sha256: str
    trust_domain: str


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks a token for."""

    namespace: str
    service_account: str
    service: str = ""
    ttl_s: float = DEFAULT_TTL_S
    uses: int = 1

    def check(self) -> Order:
        check_name("namespace", self.namespace)
        check_name("service account", self.service_account)
        if self.service:
            namespace, slash, name = self.service.partition("/")
            check_name("service (namespace/name)", name if slash and namespace else "")
        if not 1 <= self.ttl_s <= MAX_TTL_S:
            raise IdentityError("invalid", f"a token cannot live {self.ttl_s:g} s", f"use 1 to {MAX_TTL_S:g} seconds")
        if not 1 <= self.uses <= MAX_USES:
            raise IdentityError("invalid", f"a token cannot have {self.uses} uses", f"use 1 to {MAX_USES}")
        return self


def mint(order: Order, place: Place, now: float) -> tuple[JoinToken, Token]:
    """The token to hand out, and what the store keeps of it."""
    return mint_as((secrets.token_hex(6), secrets.token_urlsafe(32)), order, place, now)


def mint_as(names: tuple[str, str], order: Order, place: Place, now: float) -> tuple[JoinToken, Token]:
    """`mint`, with the (id, secret) given: both must be as hard to guess as those that `mint` makes."""
    order.check()
    token_id, secret = names
    expires = now + order.ttl_s
    given = JoinToken(
        *(token_id, secret, place.controller, place.join, place.root_sha256, place.trust_domain),
        *(order.namespace, order.service_account, order.service, int(expires)),
    )
    kept = Token(
        *(token_id, _hash(secret), order.namespace, order.service_account, order.service),
        *(now, expires, order.uses),
    )
    return given, kept


def check(shown: JoinToken, kept: Token | None, identity: tuple[str, str], user: str, now: float) -> Token:
    """The kept token if it may be used now by `user` ("<workload> <key fingerprint>") for (namespace, account).

    Details are told only to who knows the secret. The same key may use a token again: its first answer may have been
    lost on the way, and it gains nothing.
    """
    if kept is None or not hmac.compare_digest(kept.secret_sha256, _hash(shown.secret)):
        raise IdentityError(
            "unauthenticated",
            f"token {shown.id[:16]} is not known to this controller",
            "it was made by another controller or before it was restored from a backup, deleted, or forgotten a week "
            "after it expired; make a new one",
        )
    if (kept.namespace, kept.service_account) != identity:
        raise IdentityError(
            "denied",
            f"token {kept.id} is for {kept.namespace}/{kept.service_account}, not for {'/'.join(identity)}",
            f"weft token create --namespace {identity[0]} --service-account {identity[1]}",
        )
    if now >= kept.expires_at:
        raise IdentityError(
            "unauthenticated",
            f"token {kept.id} expired {now - kept.expires_at:.0f} s ago",
            "make a new one, and compare the clocks of both machines",
        )
    if kept.used >= kept.uses and user not in kept.used_by:
        by = ", ".join(sorted({one.split(" ")[0] for one in kept.used_by}))
        raise IdentityError(
            "unauthenticated",
            f"token {kept.id} was used already, by {by}",
            "make a new one for each workload; if you do not know that workload, somebody else has read the token",
        )
    return kept


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).digest()


def _not_a_token(why: str) -> IdentityError:
    return IdentityError("invalid", f"this is not a join token: {why}", "copy the whole line that began with weft1.")
