"""One logged request: every attached proxy's admin listener is asked whether it remembers it."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Iterable
from typing import Any

import httpx

from weft.controller.leases import Attached, Lease
from weft.controller.rest_json import ApiError

# What proxies make, and what callers send as x-request-id within reason.
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# A person waits; a proxy that is alive answers in a millisecond.
TIMEOUT_S = 1.0
AT_ONCE = 50
MAX_ANSWER_BYTES = 1 << 20


async def look_up(request_id: str, leases: Iterable[Lease]) -> dict[str, Any]:
    if not REQUEST_ID.fullmatch(request_id):
        raise ApiError(400, f"{request_id!r} is no request id", "it is the x-request-id of a response or a log line")
    asked = [lease.latest for lease in leases if lease.lost_at is None and lease.latest.admin]
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        answers = await asyncio.gather(*(_ask(client, gate, attached, request_id) for attached in asked))
    found = [{**who, "record": record} for who, records in answers if isinstance(records, list) for record in records]
    failed = [{**who, "error": error} for who, error in answers if isinstance(error, str)]
    return {"id": request_id, "found": found, "asked": len(asked), "failed": failed}


def may_ask(attached: Attached) -> bool:
    """Its own machine only: a workload must not point the controller at somebody else's port."""
    host = attached.admin.rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    peer = attached.peer or "127.0.0.1"
    return str(address) == peer or (address.is_loopback and ipaddress.ip_address(peer).is_loopback)


async def _ask(
    client: httpx.AsyncClient, gate: asyncio.Semaphore, attached: Attached, request_id: str
) -> tuple[dict[str, Any], list[dict[str, Any]] | str]:
    """Whom, and its records (a caller's proxy has one for each try) or why there are none to be had."""
    who = {"workload": attached.info.name, "admin": attached.admin}
    if not may_ask(attached):
        return who, f"its admin listener is not reachable from here (it is on {attached.peer})"
    try:
        async with gate, client.stream("GET", f"http://{attached.admin}/requests/{request_id}") as response:
            if response.status_code == 404:
                return who, []
            body = b"".join([part async for part in _limited(response)])
    except httpx.HTTPError as error:
        return who, f"{type(error).__name__}: {error}".rstrip(": ")
    return who, _records(response, body)


async def _limited(response: httpx.Response) -> Any:
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise httpx.ReadError("the answer is too large")
        yield part


def _records(response: httpx.Response, body: bytes) -> list[dict[str, Any]] | str:
    if response.status_code != 200:
        return f"it answered {response.status_code}"
    try:
        answer = httpx.Response(200, content=body).json()
    except ValueError:
        return "its answer is not JSON"
    records = answer if isinstance(answer, list) else [answer]
    return records if all(isinstance(record, dict) for record in records) else "its answer is no record"
