import ipaddress

import pytest

from weft.discovery.believed import refusal

# Where clouds keep a machine's credentials, and the first of a private network.
METADATA, PRIVATE = (str(ipaddress.IPv4Address(number)) for number in (0xA9FEA9FE, 0x0A000001))

REFUSED = [
    "127.0.0.1", "127.53.21.1", "::1", "::ffff:127.0.0.1", METADATA, "fe80::1", f"::ffff:{METADATA}",
    "0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_what_means_whoever_uses_it_is_not_believed(address: str) -> None:
    assert address in refusal(address, "") and address in refusal(address, "192.0.2.53:53")


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", PRIVATE, "fd00::1"])
def test_other_machines_are(address: str) -> None:
    assert refusal(address, "") == refusal(address, "192.0.2.53:53") == ""


@pytest.mark.parametrize("server", ["127.0.0.1:8600", "[::1]:53"])
def test_a_server_of_ones_own_may_speak_of_loopback_and_of_nothing_else(server: str) -> None:
    assert refusal("127.0.0.1", server) == refusal("::1", server) == ""
    assert "link-local" in refusal(METADATA, server)
