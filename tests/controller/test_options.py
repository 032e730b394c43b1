"""What one controller is told at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weft.controller.options import Address, OptionError, Options

STATE = Path("/nowhere")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", Address("127.0.0.1", 80)),
        ("[::1]:80", Address("::1", 80)),
        ("mesh.example:0", Address("mesh.example", 0)),
    ],
)
def test_an_address_reads_as_it_is_written(text: str, address: Address) -> None:
    assert Address.parse(text, "x") == address and str(address) == text


@pytest.mark.parametrize("text", ["", "127.0.0.1", ":80", "host:port", "host:99999"])
def test_what_is_no_address_says_which_option(text: str) -> None:
    with pytest.raises(OptionError, match="--grpc-address"):
        Address.parse(text, "--grpc-address")


def test_loopback_is_recognised() -> None:
    assert all(Address(host, 1).loopback for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(Address(host, 1).loopback for host in ("0.0.0.0", "192.0.2.1", "mesh.example"))


def test_the_defaults_are_reachable_from_this_machine_only() -> None:
    options = Options(STATE).check()
    assert Address.parse(options.grpc_address, "").loopback and Address.parse(options.rest_address, "").loopback


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rest_address": "0.0.0.0:15080"}, "REST has no TLS"),
        ({"grpc_address": "x"}, "--grpc-address"),
        ({"advertise": "x"}, "--advertise"),
        ({"lease_unhealthy_s": 10.0, "lease_removed_s": 5.0}, "before it is removed"),
    ],
)
def test_what_cannot_work_is_refused_with_a_hint(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        Options(STATE, **given).check()
    assert caught.value.hint


def test_rest_can_be_opened_knowingly() -> None:
    Options(STATE, rest_address="0.0.0.0:15080", rest_anywhere=True).check()
