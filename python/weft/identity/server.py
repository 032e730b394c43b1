"""The controller's own server certificate: made in memory at each start, renewed when a handshake finds it due."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock

from cryptography.hazmat.primitives.asymmetric import ec

from weft.identity.authority import Authority, Certificate, pem, private_pem
from weft.identity.spiffe import CONTROLLER_ACCOUNT, CONTROLLER_NAMESPACE, SpiffeId

LIFE = datetime.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """`chain_pem` ends in the root: a joining client knows only the root's hash and must be shown it."""

    key_pem: bytes
    chain_pem: bytes
    certificate: Certificate
    # Unix seconds.
    renew_at: float


class ServerIdentity:
    """Gives the current certificate; a new one with a new key after a third of its life."""

    def __init__(
        self,
        authority: Authority,
        addresses: Iterable[str],
        clock: Callable[[], float],
        life: datetime.timedelta = LIFE,
    ) -> None:
        self.addresses = tuple(dict.fromkeys(addresses))
        self.spiffe_id = str(SpiffeId(authority.trust_domain, CONTROLLER_NAMESPACE, CONTROLLER_ACCOUNT))
        self._authority, self._clock, self._life = authority, clock, life
        # TLS handshakes run on gRPC's threads.
        self._lock = Lock()
        self._current = self._issue()

    def current(self) -> ServerCertificate:
        with self._lock:
            if self._clock() >= self._current.renew_at:
                self._current = self._issue()
            return self._current

    def _issue(self) -> ServerCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)
        issued = self._authority.issue(key.public_key(), self.spiffe_id, now, self._life, self.addresses)
        chain = pem(issued.der) + pem(self._authority.root_der)
        return ServerCertificate(private_pem(key), chain, issued, now.timestamp() + self._life.total_seconds() / 3)
