"""What one controller is told at its start."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from weft.identity.signer import DEFAULT_LIFE_S


class OptionError(Exception):
    """An option cannot be used."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str, what: str) -> Address:
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not port.isdecimal() or int(port) > 65535:
            raise OptionError(f"{what} {text!r} is not host:port", "write it like 127.0.0.1:15010")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Options:
    """The defaults suit a laptop: nothing is reachable from another machine until it is said so."""

    state_dir: Path
    # mTLS; joining without a certificate is on the next port. Port 0: any two neighbours that are free.
    grpc_address: str = "127.0.0.1:15010"
    rest_address: str = "127.0.0.1:15080"
    # How others reach `grpc_address`; written into tokens and the server's certificate. Empty: as it is bound.
    advertise: str = ""
    # More names of this machine for the server's certificate.
    names: tuple[str, ...] = ()
    # Chosen once, at the first start; None: unique and random.
    trust_domain: str | None = None
    svid_ttl_s: float = DEFAULT_LIFE_S
    # REST on an address that is not loopback has neither TLS nor roles yet: said knowingly or not at all.
    rest_anywhere: bool = False
    log_format: Literal["text", "json"] = "text"
    # Written (JSON: the addresses) once everything listens; for who starts a controller on port 0.
    ready_file: Path | None = None
    # After a proxy's stream is lost.
    lease_unhealthy_s: float = 30.0
    lease_removed_s: float = 300.0

    def check(self) -> Options:
        Address.parse(self.grpc_address, "--grpc-address")
        rest = Address.parse(self.rest_address, "--rest-address")
        if self.advertise:
            Address.parse(self.advertise, "--advertise")
        if not rest.loopback and not self.rest_anywhere:
            raise OptionError(
                f"--rest-address {rest} can be reached from other machines, and REST has no TLS",
                "use 127.0.0.1 and an ssh tunnel, or --rest-anywhere if you accept that (it needs a bearer token)",
            )
        if not 0 < self.lease_unhealthy_s <= self.lease_removed_s:
            raise OptionError("a lease must turn unhealthy before it is removed", "leave both options out")
        return self
