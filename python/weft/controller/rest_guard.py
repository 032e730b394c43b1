"""Who may ask REST at all: before any route is looked at."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.controller.peercred import trusted

# A program of 10,000 resources is 20 MB of JSON.
MAX_BODY_BYTES = 64 << 20
# For all of a body: 64 MiB over 20 Mbit/s.
BODY_S = 30.0
# Key of the connection's state in which the server puts the user of the process at the other end.
PEER_UID = "peer_uid"


class Guard:
    """Names that this listener has, who may use it, and how large a request may be.

    A web page can make its reader's browser send requests to loopback: under a name of its own that it lets resolve to
    127.0.0.1 (then `Host` is that name), or across origins (then there is an `Origin`, and a POST that is not JSON).
    """

    def __init__(self, app: ASGIApp, token: str, names: frozenset[str]) -> None:
        self._app, self._token, self._names = app, token, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        await self._app(scope, _Limited(receive), send)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        if "content-length" in headers and "transfer-encoding" in headers:
            # Somebody in front may believe the other one: what follows could be a request of a third party.
            return 400, "the body has both Content-Length and Transfer-Encoding", "send one of the two"
        host = host_of(headers.get("host", ""))
        if not self._is_name(host):
            return 403, f"this controller is not called {host!r}", "use its address, or start it with --name"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return 403, f"pages of {origin} may not use this controller", "open the dashboard at its own address"
        if scope["method"] in ("POST", "PUT", "PATCH") and not headers.get("content-type", "").startswith(
            "application/json"
        ):
            return 415, "the body must be JSON", "send Content-Type: application/json"
        if int(headers.get("content-length") or 0) > MAX_BODY_BYTES:
            return 413, f"the body is larger than {MAX_BODY_BYTES >> 20} MiB", "apply in several parts"
        return self._unauthorised(scope, headers)

    def _unauthorised(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if hmac.compare_digest(given.strip().encode(), self._token.encode()):
                return None
            return 401, "the bearer token is wrong", "it is the text of rest.token in the controller's state directory"
        client = scope.get("client")
        if client and _is_loopback(client[0]) and trusted(scope.get("state", {}).get(PEER_UID)):
            return None
        return (
            401,
            "only the controller's own user and root may use it without a token",
            "run as that user, or set WEFT_REST_TOKEN to the text of rest.token in the controller's state directory",
        )

    def _is_name(self, host: str) -> bool:
        """An address is nobody's own name: a page that shows one was loaded from there."""
        return host in self._names or host == "localhost" or _is_address(host)


class _Limited:
    """A body without a length is counted as it comes, and one that does not come is not waited for."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._size, self._whole = receive, 0, False
        self._until = asyncio.get_running_loop().time() + BODY_S

    async def __call__(self) -> Message:
        # After the body only the client's end is heard here, which may be a day later.
        try:
            async with asyncio.timeout_at(None if self._whole else self._until):
                message = await self._receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._whole = not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY_BYTES:
            return {"type": "http.disconnect"}
        return message


def host_of(header: str) -> str:
    """ "[::1]:15080" and "::1" to "::1"; "[::1].example" stays what it is, and that is nobody's name."""
    if header.startswith("["):
        host, _, port = header[1:].partition("]")
        return host.lower() if not port or (port[0] == ":" and port[1:].isdecimal()) else header.lower()
    host, colon, port = header.rpartition(":")
    return (host if colon and port.isdecimal() and ":" not in host else header).lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _answer(send: Send, status: int, error: str, hint: str) -> None:
    body = json.dumps({"error": error, "hint": hint, "problems": []}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 400:
        # Where this request ends is in doubt, so nothing after it is read.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
