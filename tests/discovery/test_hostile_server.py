"""A DNS server that means harm: whatever it sends, the question ends with `Failed` or with an answer."""

from __future__ import annotations

import struct
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.discovery.dns_server import DnsServer
from weft.discovery import lookup as module
from weft.discovery.lookup import Lookup
from weft.discovery.source import Failed

Reply = Callable[[bytes, str], bytes | None]


class Hostile(DnsServer):
    reply: Reply

    def answer(self, wire: bytes, how: str) -> bytes | None:
        return self.reply(wire, how)


def response(wire: bytes, *lines: str, code: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    made = dns.message.make_response(dns.message.from_wire(wire), recursion_available=True)
    made.set_rcode(code)
    for line in lines:
        name, ttl, type_, text = line.split(" ", 3)
        made.answer.append(dns.rrset.from_text(name, int(ttl), "IN", type_, text))
    return made.to_wire(max_size=65_535)


def wrong_id(wire: bytes, how: str) -> bytes:
    return struct.pack("!H", (struct.unpack("!H", wire[:2])[0] + 1) % 65_536) + response(wire)[2:]


def pointer_to_itself(wire: bytes, how: str) -> bytes:
    head = wire[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
    question = wire[12 : wire.index(b"\0", 12) + 5]
    place = 0xC000 | (12 + len(question))
    return head + question + struct.pack("!HHHIH", place, 1, 1, 60, 4) + b"\xc0\x00\x02\x07"


def truncated_for_ever(wire: bytes, how: str) -> bytes:
    return response(wire)[:2] + struct.pack("!H", 0x8380) + response(wire)[4:]


def chain(length: int, code: dns.rcode.Rcode) -> Reply:
    def reply(wire: bytes, how: str) -> bytes:
        links = ["db.example.com. 60 CNAME c0.example.com."]
        links += [f"c{n}.example.com. 60 CNAME c{n + 1}.example.com." for n in range(length)]
        return response(wire, *links, code=code)

    return reply


def ring(wire: bytes, how: str) -> bytes:
    return response(wire, "db.example.com. 60 CNAME a.example.com.", "a.example.com. 60 CNAME db.example.com.")


REPLIES: dict[str, Reply] = {
    "another number": wrong_id,
    "a pointer to itself": pointer_to_itself,
    "truncated, over TCP too": truncated_for_ever,
    "garbage": lambda wire, how: wire[:2] + b"\xff" * 500,
    "nothing but a head": lambda wire, how: wire[:12],
    "a question back": lambda wire, how: wire,
    "a long chain": chain(40, dns.rcode.NOERROR),
    "a long chain to nobody": chain(40, dns.rcode.NXDOMAIN),
    "a ring": ring,
    "no such name, with an answer": lambda wire, how: response(
        wire, "db.example.com. 60 A 192.0.2.7", code=dns.rcode.NXDOMAIN
    ),
    "another name": lambda wire, how: response(wire, "bank.example.com. 60 A 192.0.2.7"),
}


@pytest.mark.parametrize("what", REPLIES)
async def test_no_reply_is_more_than_a_failure(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.5)
    with Hostile("127.53.12.1") as server:
        server.reply = REPLIES[what]
        try:
            found = await Lookup()("db.example.com", "A", server.server)
        except Failed as failed:
            assert str(failed).isprintable() and len(str(failed)) < 300
        else:
            assert found.records == () and 0 <= found.ttl_s < 2**31


@pytest.mark.parametrize(("ttl", "holds"), [(0, 0), (2**31 - 1, 2**31 - 1), (2**32 - 1, 0)])
async def test_a_time_is_what_rfc_2181_says(ttl: int, holds: int) -> None:
    def reply(wire: bytes, how: str) -> bytes:
        made = response(wire, "db.example.com. 7 A 192.0.2.7")
        return made.replace(struct.pack("!I", 7), struct.pack("!I", ttl))

    with Hostile("127.53.12.2") as server:
        server.reply = reply
        assert (await Lookup()("db.example.com", "A", server.server)).ttl_s == holds


async def test_dead_names_are_forgotten_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that names other targets each time would fill the memory with those that nobody answers for."""
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    lookup = Lookup()
    with Hostile("127.53.12.3") as server:
        server.reply = lambda wire, how: response(wire, code=dns.rcode.SERVFAIL)
        for number in range(7):
            with pytest.raises(Failed):
                await lookup(f"n{number}.example.com", "A", server.server)
    assert [name for name, _, _ in lookup._doubtful] == ["n4.example.com", "n5.example.com", "n6.example.com"]
