"""From a proof to a certificate: the whole decision in one place."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from weft.identity import clocks, requests, tokens
from weft.identity.authority import Authority
from weft.identity.errors import IdentityError
from weft.identity.spiffe import SpiffeId, check_name
from weft.store.model import Issued, Token

# S2. Renewed from a third of it, so that a dead controller leaves most of a day.
DEFAULT_LIFE_S = 86_400.0
# A second-long life is for tests; more than 90 days would make revocation meaningless.
MIN_LIFE_S, MAX_LIFE_S = 1.0, 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What the channel itself proves, before anything is read from it.

    `anonymous`: TLS without a certificate: only a token helps. `local`: the unix socket, which only the controller's
    own user and root can open. `svid`: TLS with a certificate that our roots signed and that is still valid.
    """

    kind: Literal["anonymous", "local", "svid"]
    identity: SpiffeId | None = None
    # Of the SVID, lower-case hex.
    serial: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    csr: bytes
    namespace: str
    service_account: str
    workload: str = ""
    token: str = ""
    # Unix seconds on the asker's clock; 0: not told.
    their_time: float = 0.0


@dataclass(frozen=True, slots=True)
class Signed:
    chain: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    spiffe_id: str
    not_after: float
    trust_domain: str
    # For the log of both sides; empty: nothing to say.
    warning: str = ""


class Ledger(Protocol):
    """What the signer must remember (`weft.store.Store`)."""

    async def spend_token(self, token_id: str, workload: str, check: Callable[[Token | None], Token]) -> Token: ...
    async def record_issued(self, issued: Issued) -> None: ...
    async def issued(self, serial: str) -> Issued | None: ...


# What a proof allows: the workload and service to bind ("" is any), and how it was proved.
_Grant: TypeAlias = tuple[str, str, Literal["token", "svid", "unix"]]


class Signer:
    """Signs what was proved. `clock` gives Unix seconds."""

    def __init__(
        self, authority: Authority, ledger: Ledger, clock: Callable[[], float], life_s: float = DEFAULT_LIFE_S
    ) -> None:
        if not MIN_LIFE_S <= life_s <= MAX_LIFE_S:
            raise IdentityError(
                "invalid", f"an SVID cannot live {life_s:g} s", f"use {MIN_LIFE_S:g} to {MAX_LIFE_S:g} seconds"
            )
        self.authority, self._ledger, self._clock, self._life_s = authority, ledger, clock, life_s

    def now(self) -> float:
        """Unix seconds, as certificates are dated."""
        return self._clock()

    async def sign(self, ask: Ask, proof: Proof) -> Signed:
        identity = self._wanted(ask)
        key = requests.public_key(ask.csr)
        now = self._clock()
        who = f"{ask.namespace}/{ask.workload or ask.service_account}"
        warning = clocks.compare(ask.their_time, now, self._life_s, who)
        workload, service, how = await self._prove(ask, proof, identity, key, now)
        begin, life = datetime.datetime.fromtimestamp(now, datetime.UTC), datetime.timedelta(seconds=self._life_s)
        made = self.authority.issue(key, str(identity), begin, life)
        # Remembered before it is given away: what is not in the ledger was never issued.
        await self._ledger.record_issued(
            Issued(made.serial, str(identity), workload, service, how, made.not_before, made.not_after)
        )
        authority = self.authority
        return Signed((made.der,), authority.roots, str(identity), made.not_after, authority.trust_domain, warning)

    def _wanted(self, ask: Ask) -> SpiffeId:
        namespace = check_name("namespace", ask.namespace)
        identity = SpiffeId(self.authority.trust_domain, namespace, check_name("account", ask.service_account))
        if ask.workload:
            check_name("workload", ask.workload)
        if identity.is_controller:
            raise IdentityError(
                "denied", f"{identity} is the controller's own identity", "choose another namespace or service account"
            )
        return identity

    async def _prove(self, ask: Ask, proof: Proof, identity: SpiffeId, key: requests.PublicKey, now: float) -> _Grant:
        workload = f"{ask.namespace}/{ask.workload}" if ask.workload else ""
        if ask.token:
            return workload, await self._spend(ask, key, now), "token"
        if proof.kind == "local":
            return workload, "", "unix"
        if proof.kind == "svid" and proof.identity is not None:
            return await self._renew(proof, proof.identity, identity, workload)
        raise IdentityError(
            "unauthenticated",
            f"nothing proves that this is {ask.namespace}/{ask.service_account}",
            "give a join token (weft token create), or ask over the controller's unix socket on its own machine",
        )

    async def _spend(self, ask: Ask, key: requests.PublicKey, now: float) -> str:
        shown = tokens.JoinToken.decode(ask.token)
        user = f"{ask.namespace}/{ask.workload or '-'} {requests.fingerprint(key)}"
        identity = (ask.namespace, ask.service_account)
        spent = await self._ledger.spend_token(
            shown.id, user, lambda kept: tokens.check(shown, kept, identity, user, now)
        )
        return spent.service

    async def _renew(self, proof: Proof, held: SpiffeId, wanted: SpiffeId, workload: str) -> _Grant:
        if held != wanted:
            raise IdentityError(
                "denied", f"an SVID of {held} renews itself only, not {wanted}", "use a join token for another identity"
            )
        # Not found: the store was restored from an older backup. The certificate itself still proves the account.
        before = await self._ledger.issued(proof.serial)
        if before is None or not before.workload:
            return workload, before.service if before else "", "svid"
        if workload not in ("", before.workload):
            raise IdentityError(
                "denied", f"this SVID was given to {before.workload}, not to {workload}", "join the other one by itself"
            )
        return before.workload, before.service, "svid"
