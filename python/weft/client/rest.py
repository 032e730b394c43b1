"""HTTP to the controller: addresses, one request at a time, and errors that say what to do next."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from weft.client.decode import Malformed, decode
from weft.client.errors import ControllerUnreachable, MeshError, NotFound
from weft.client.types import Problem

DEFAULT_ADDRESS = "http://127.0.0.1:15080"

# Beyond the slowest honest answer (applying 10,000 resources compiles them first), far below a person's patience.
TIMEOUT_S = 30.0
# A controller is near, or not there.
CONNECT_TIMEOUT_S = 3.0
# One that listens but still compiles what its store has is waited for: 10,000 services take 10 s.
STARTING_S = 30.0
# A look is one request on loopback (2 ms): often enough that nobody waits for it.
LOOK_EVERY_S = 0.05


def controller_address(given: str | None = None) -> str:
    """`given`, else $WEFT_CONTROLLER, else the default; always with a scheme and without a trailing slash."""
    address = given or os.environ.get("WEFT_CONTROLLER") or DEFAULT_ADDRESS
    if "://" not in address:
        address = f"http://{address}"
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise MeshError(f"{address!r} is not a controller address", "write it like http://127.0.0.1:15080")
    return address.rstrip("/")


class Rest:
    """One controller. Not shared between threads."""

    def __init__(
        self, address: str, token: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.address = address
        token = token or os.environ.get("WEFT_REST_TOKEN")
        # Proxy variables are for the internet: `trust_env` would send a controller on loopback through one.
        self._http = httpx.Client(
            base_url=address,
            headers={"authorization": f"Bearer {token.strip()}"} if token else {},
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            trust_env=False,
            transport=transport,
        )

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._ask("GET", path, query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask("POST", path, body={key: value for key, value in body.items() if value is not None})

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._ask("DELETE", path, query)

    def lines(self, path: str, query: Mapping[str, Any] | None = None) -> Generator[str, None, None]:
        """Lines of an answer without end, as they come; closing the generator ends it."""
        given = {key: value for key, value in (query or {}).items() if value is not None}
        try:
            with self._http.stream("GET", path, params=given) as response:
                if response.is_error:
                    response.read()
                    raise _refused(response.status_code, _json(response, self.address))
                yield from response.iter_lines()
        except httpx.TransportError as error:
            raise _unreachable(self.address, error) from error

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        given = {key: value for key, value in (query or {}).items() if value is not None}
        deadline = time.monotonic() + STARTING_S
        while True:
            try:
                response = self._http.request(method, path, params=given, json=body)
            except httpx.TransportError as error:
                raise _unreachable(self.address, error) from error
            answer = _json(response, self.address)
            if not response.is_error:
                return answer
            if not _starting(answer) or time.monotonic() > deadline:
                raise _refused(response.status_code, answer)
            time.sleep(LOOK_EVERY_S)


def _json(response: httpx.Response, address: str) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise MeshError(
            f"{address} does not answer like a weft controller (HTTP {response.status_code}, not JSON)",
            "check the address given with --controller or WEFT_CONTROLLER",
            status=response.status_code,
        ) from error


def _unreachable(address: str, error: httpx.TransportError) -> MeshError:
    if isinstance(error, httpx.ReadTimeout):
        return ControllerUnreachable(f"the controller at {address} did not answer within {TIMEOUT_S:.0f} s")
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return MeshError(
            f"{address} broke off the answer ({error})", "is it a weft controller? its log says more if it is"
        )
    return ControllerUnreachable(
        f"no controller answers at {address} ({error})",
        "start one with `weft controller` or `weft up`, or name one with --controller or WEFT_CONTROLLER",
    )


def _refused(status: int, answer: Any) -> MeshError:
    body = answer if isinstance(answer, dict) else {}
    if _starting(answer):
        return MeshError(
            f"the controller is still starting after {STARTING_S:.0f} s", "its log says what it does", status=status
        )
    problems = _problems(body)
    message = body.get("error") or f"the controller answered {status}"
    kind = NotFound if status == 404 else MeshError
    return kind(message, body.get("hint"), problems, status)


def _starting(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("status") == "starting"


def _problems(body: dict[str, Any]) -> tuple[Problem, ...]:
    """Those of the whole answer, and those of each result of an apply."""
    listed = list(body.get("problems") or ())
    for result in body.get("results") or ():
        listed += [{"ref": result.get("ref"), **problem} for problem in result.get("problems") or ()]
    try:
        return tuple(decode(Problem, problem) for problem in listed)
    except Malformed:
        return ()
