"""What is known about a proxy before it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.certificates import Certificates

# What wrk asks for. Not "/": a route table should have something to compare.
PATH = "/reviews/42"


class NotInstalled(RuntimeError):
    """The program to be measured is not on this machine."""


@dataclass(frozen=True)
class Site:
    """Where a proxy is to stand: given to its adapter."""

    # Its own folder for configuration, logs and sockets.
    folder: Path
    # Where the client connects, in plain HTTP/1.1.
    entry: int
    # Where the second half of a pair listens, with mTLS.
    inner: int
    # Where a caller with the wrong identity may listen while it is proved that it gets nothing.
    stranger: int
    # The backend: plain HTTP/1.1 on this port of 127.0.0.1 and 127.0.0.2.
    backend: int
    certificates: Certificates

    def file(self, name: str) -> str:
        return str(self.folder / name)


@dataclass(frozen=True)
class Guarded:
    """A port with mTLS that must refuse everybody but `client`."""

    port: int
    # A proxy in front of it, on the site's `stranger` port, that presents the stranger's certificate: for a port
    # that speaks its own protocol. Empty: HTTP/1.1 to whoever names no protocol, so it is asked directly.
    stranger: tuple[str, ...] = ()


@dataclass(frozen=True)
class Launch:
    """How it is started: what an adapter returns."""

    # Where the client connects.
    entry: int
    # Name in the site's folder -> content.
    files: Mapping[str, str] = field(default_factory=dict)
    # In the order of their start. None: no process, the client talks to the backend.
    commands: tuple[tuple[str, ...], ...] = ()
    guarded: Guarded | None = None
