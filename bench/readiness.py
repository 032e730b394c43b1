"""Before anything is measured: does it answer, and does it refuse whom it must?

A benchmark of a check that is not in force would be the fastest of all.
"""

import ssl
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from bench.certificates import Certificates
from bench.processes import Child, ChildFailed
from bench.proxies.launch import PATH

# Envoy takes about half a second; the rest is a slow machine.
START_S = 10.0
ASK_AGAIN_S = 0.02
ANSWER_S = 2.0


class NotGuarded(RuntimeError):
    """A caller without the right identity got through: the pair checks nothing."""


def wait(name: str, port: int, body_bytes: int, children: Sequence[Child]) -> None:
    """Returns when `port` answers as the backend does."""
    deadline = time.monotonic() + START_S
    seen = "nothing"
    while time.monotonic() < deadline:
        for child in children:
            child.refuse_ended()
        try:
            status, length = _get(HTTPConnection("127.0.0.1", port, timeout=ANSWER_S))
        except (OSError, HTTPException) as problem:
            seen = repr(problem)
        else:
            if (status, length) == (200, body_bytes):
                return
            seen = f"status {status} with {length} bytes"
        time.sleep(ASK_AGAIN_S)
    words = "\n".join(child.last_words() for child in children)
    raise ChildFailed(f"{name} does not serve: {seen} after {START_S:.0f} s\n{words}")


def prove_guarded(name: str, port: int, certificates: Certificates) -> None:
    """The client passes; a stranger of the same authority and a nobody do not."""
    expected = {"client": 200, "stranger": 403, None: 0}
    for caller, status in expected.items():
        got = _ask_with_tls(port, certificates, caller)
        if got != status:
            who = caller or "a caller without certificate"
            raise NotGuarded(f"{name} answers {got} to {who}, not {status}")


def prove_closed(name: str, port: int, certificates: Certificates) -> None:
    """Nobody without a certificate gets an answer."""
    if got := _ask_with_tls(port, certificates, None):
        raise NotGuarded(f"{name} answers {got} to a caller without certificate, not 0")


def prove_refused(name: str, port: int, stranger: Child) -> None:
    """The proxy on `port`, which is the stranger's, gets 403, and nothing else however often it asks."""
    deadline = time.monotonic() + START_S
    while True:
        stranger.refuse_ended()
        try:
            status, _ = _get(HTTPConnection("127.0.0.1", port, timeout=ANSWER_S))
        except (OSError, HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(ASK_AGAIN_S)
            continue
        if status != 403:
            raise NotGuarded(f"{name} answers {status} to stranger, not 403")
        return


def _ask_with_tls(port: int, certificates: Certificates, caller: str | None) -> int:
    """The status of the answer; 0 when the connection is refused."""
    context = ssl.create_default_context(cafile=str(certificates.roots))
    # The server's certificate holds a SPIFFE ID and no host name.
    context.check_hostname = False
    if caller is not None:
        context.load_cert_chain(certificates.chain(caller), certificates.key(caller))
    try:
        connection = HTTPSConnection("127.0.0.1", port, timeout=ANSWER_S, context=context)
        return _get(connection)[0]
    except (OSError, HTTPException):
        return 0


def _get(connection: HTTPConnection) -> tuple[int, int]:
    """Status and length of the body."""
    try:
        connection.request("GET", PATH)
        response = connection.getresponse()
        return response.status, len(response.read())
    finally:
        connection.close()
