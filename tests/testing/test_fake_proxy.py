"""A proxy that is only its protocol. (What it does over the wire is tested with the controller.)"""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from weft.testing import FakeProxy, fake_proxy
from weft.v1 import discovery_pb2, program_pb2


def response(*names: str, removed: tuple[str, ...] = ()) -> discovery_pb2.DeltaDiscoveryResponse:
    made = discovery_pb2.DeltaDiscoveryResponse(
        type_url="type.googleapis.com/weft.v1.Backend", nonce="7", removed_resources=removed
    )
    for name in names:
        content = AnyMessage()
        content.Pack(program_pb2.Backend(name=name), type_url_prefix="type.googleapis.com/")
        made.resources.add(name=name, version=f"v-{name}", resource=content)
    return made


def test_it_applies_and_acknowledges() -> None:
    proxy = FakeProxy("default", "a-0", "default/a")
    answer = proxy._take(response("x", removed=("y",)))
    assert answer.response_nonce == "7" and not answer.HasField("error_detail")
    assert proxy.held == {("Backend", "x"): "v-x"} and proxy.absent == {("Backend", "y")}
    assert proxy.log == ["+ Backend x", "- Backend y"] and proxy.message("Backend", "x").name == "x"


def test_it_refuses_by_name_what_it_was_told_to() -> None:
    proxy = FakeProxy("default", "a-0")
    proxy.refuse = {"x": "too large"}
    answer = proxy._take(response("x", "z"))
    rejected = discovery_pb2.Rejected()
    assert answer.error_detail.details[0].Unpack(rejected)
    assert (rejected.name, rejected.version, rejected.reason) == ("x", "v-x", "too large")
    assert proxy.held == {("Backend", "z"): "v-z"} and proxy.log == ["! Backend x", "+ Backend z"]


def test_its_account_is_its_services_or_its_own_name() -> None:
    assert FakeProxy("default", "a-0", "default/a").workload.service_account == "a"
    assert FakeProxy("default", "cron").workload.service_account == "cron"


async def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_proxy, "PATIENCE_S", 0.01)
    with pytest.raises(TimeoutError):
        await FakeProxy("default", "a").until(lambda: False)
    assert await FakeProxy("default", "a").until(lambda: "yes") == "yes"
    await asyncio.sleep(0)
