"""Whether a registration is taken."""

from __future__ import annotations

from typing import Any

import pytest

from weft.controller.admission import Refusal, admit, unreachable
from weft.controller.peers import Peer
from weft.identity.signer import Proof
from weft.identity.spiffe import SpiffeId
from weft.v1 import control_pb2, program_pb2

LOCAL = Peer(Proof("local"))
NOW = 1_900_000_000.0
REMOTE = "192.0.2.7"


def holder(account: str = "reviews", workload: str = "", service: str = "", address: str = REMOTE) -> Peer:
    return Peer(Proof("svid", SpiffeId("t", "default", account), "01"), address, workload, service)


def said(address: str = REMOTE, listen: int = 4711, **changes: Any) -> control_pb2.Attachment:
    fields = {"namespace": "default", "name": "reviews-0", "service": "default/reviews", **changes}
    port = control_pb2.AttachedPort(port=80, address=address, listen_port=listen)
    return control_pb2.Attachment(
        workload=program_pb2.Workload(**fields), ports=[port], health="HEALTH_HEALTHY", certificate_not_after=5, epoch=3
    )


def test_what_is_said_becomes_a_registration() -> None:
    attached = admit(said(version="v2", labels={"a": "b"}), holder(), "t", NOW)
    info = attached.info
    assert (info.name, info.service, info.version, info.labels) == (
        "default/reviews-0",
        "default/reviews",
        "v2",
        {"a": "b"},
    )
    assert info.identity == "spiffe://t/ns/default/sa/reviews" and info.health == "healthy"
    assert [(port.port, port.address, port.listen_port) for port in info.ports] == [(80, REMOTE, 4711)]
    assert (attached.service_account, attached.epoch, attached.peer) == ("reviews", 3, REMOTE)


@pytest.mark.parametrize(("unix_ms", "ahead"), [(0, None), (1_900_000_000_000, 0.0), (1_899_999_910_500, -89.5)])
def test_its_clock_is_compared_with_ours_where_it_tells_it(unix_ms: int, ahead: float | None) -> None:
    request = said()
    request.unix_ms = unix_ms
    assert admit(request, holder(), "t", NOW).clock_ahead_s == ahead


def test_without_a_certificate_it_is_not_meshed() -> None:
    request = said()
    request.certificate_not_after = 0
    assert admit(request, LOCAL, "t", NOW).info.identity == ""


def test_who_came_with_a_certificate_has_one_whatever_it_says() -> None:
    """Else callers would go in the clear to whatever address it names, their own machine's among them."""
    request = said("127.0.0.1")
    request.certificate_not_after = 0
    assert admit(request, holder(), "t", NOW).info.identity == "spiffe://t/ns/default/sa/reviews"


@pytest.mark.parametrize(
    ("peer", "changes", "account"),
    [
        (holder(), {}, "reviews"),
        (holder("robot"), {"service_account": "robot"}, "robot"),
        (holder("robot"), {"service": ""}, "robot"),
        (LOCAL, {"service": ""}, "reviews-0"),
        (LOCAL, {"service": "", "service_account": "any"}, "any"),
        (holder(workload="default/reviews-0", service="default/reviews"), {}, "reviews"),
    ],
)
def test_the_account_is_the_one_named_or_the_services_or_the_one_proved(
    peer: Peer, changes: dict[str, Any], account: str
) -> None:
    assert admit(said(**changes), peer, "t", NOW).service_account == account


def test_who_serves_nothing_may_have_a_token_for_serving() -> None:
    """`weft token create loadgen` is for a client as well, and binds the service of that name."""
    peer = holder(service="default/reviews")
    assert admit(said(service="", service_account="reviews"), peer, "t", NOW).info.service == ""


@pytest.mark.parametrize(
    ("peer", "changes", "message"),
    [
        (holder("other"), {}, "may not register default/reviews-0 as default/reviews"),
        (holder(), {"namespace": "shop", "service": "shop/reviews"}, "may not register shop/reviews-0"),
        (holder(), {"service_account": "admin"}, "may not register"),
        (holder(workload="default/reviews-9"), {}, "may not register"),
        (Peer(Proof("anonymous")), {}, "may not register"),
        (LOCAL, {"service": "shop/reviews"}, "which is in another namespace"),
        (holder(service="default/other"), {}, "joined with a token for default/other"),
        (LOCAL, {"name": "a/b"}, "not a workload"),
        (LOCAL, {"namespace": ""}, "not a namespace"),
        (LOCAL, {"address": "reviews.example"}, "is no IP address"),
        (LOCAL, {"listen": 0}, "has no port 80"),
        (LOCAL, {"version": "x" * 1000}, "too large"),
        (LOCAL, {"labels": {str(number): "" for number in range(100)}}, "too large"),
    ],
)
def test_every_refusal_says_who_what_and_what_next(peer: Peer, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal, match=message) as caught:
        admit(said(**changes), peer, "t", NOW)
    assert caught.value.hint and caught.value.hint in str(caught.value)


@pytest.mark.parametrize(
    ("address", "peer", "expected"),
    [
        ("0.0.0.0", holder(), REMOTE),
        ("", holder(), REMOTE),
        ("::", LOCAL, "127.0.0.1"),
        ("192.0.2.9", holder(), "192.0.2.9"),
    ],
)
def test_who_listens_everywhere_is_reached_where_it_comes_from(address: str, peer: Peer, expected: str) -> None:
    assert admit(said(address), peer, "t", NOW).info.ports[0].address == expected


def test_a_loopback_address_from_another_machine_is_warned_of() -> None:
    assert "others cannot reach it" in unreachable(admit(said("127.0.0.1"), holder(), "t", NOW))
    assert unreachable(admit(said(), holder(), "t", NOW)) == ""
    assert unreachable(admit(said("127.0.0.1"), LOCAL, "t", NOW)) == ""
