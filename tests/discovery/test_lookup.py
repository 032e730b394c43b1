"""Real questions over real sockets, to a small server and to a well-known one."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import dns.rcode
import pytest

from tests.discovery.dns_server import NEGATIVE_TTL, DnsServer
from weft.discovery import lookup as module
from weft.discovery.lookup import Lookup, Record, Records
from weft.discovery.source import Failed


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer("127.53.11.1") as made:
        yield made


async def ask(server: DnsServer, name: str, type_: str = "A") -> Records:
    return await Lookup()(f"{name}.example.com", type_, server.server)


async def test_addresses_come_with_their_ttl(server: DnsServer) -> None:
    server.set("db", "A", "192.0.2.7", "192.0.2.8", ttl=33)
    server.set("db", "AAAA", "2001:db8::7", ttl=5)
    found = await ask(server, "db")
    assert (set(found.records), found.ttl_s) == ({Record("192.0.2.7"), Record("192.0.2.8")}, 33)
    assert await ask(server, "db", "AAAA") == Records((Record("2001:db8::7"),), 5)


async def test_srv_records_come_with_port_priority_and_weight(server: DnsServer) -> None:
    server.set("_pg._tcp", "SRV", "10 60 5432 db1.example.com.", "20 0 5433 db2.example.com.")
    found = await ask(server, "_pg._tcp", "SRV")
    assert set(found.records) == {Record("db1.example.com.", 5432, 10, 60), Record("db2.example.com.", 5433, 20, 0)}


async def test_of_a_chain_the_shortest_ttl_counts(server: DnsServer) -> None:
    server.set("alias", "CNAME", "db.example.com.", ttl=2)
    server.set("db", "A", "192.0.2.7", ttl=300)
    assert await ask(server, "alias") == Records((Record("192.0.2.7"),), 2)


async def test_what_does_not_exist_is_told_from_what_has_no_such_record(server: DnsServer) -> None:
    server.set("db", "A", "192.0.2.7")
    gone, none = await ask(server, "nobody"), await ask(server, "db", "AAAA")
    assert (gone.records, gone.ttl_s) == (none.records, none.ttl_s) == ((), NEGATIVE_TTL)
    assert gone.why == f"nobody.example.com: there is no such name (NXDOMAIN by {server.server})"
    assert none.why == "db.example.com: it has no AAAA record"


async def test_an_answer_that_does_not_fit_comes_over_tcp(server: DnsServer) -> None:
    many = [f"192.0.2.{n}" for n in range(1, 201)]
    server.set("many", "A", *many)
    found = await ask(server, "many")
    assert {record.target for record in found.records} == set(many)
    assert server.asked == ["udp many.example.com. A", "tcp many.example.com. A"]


@pytest.mark.parametrize(("code", "said"), [(dns.rcode.SERVFAIL, "SERVFAIL"), (dns.rcode.REFUSED, "REFUSED")])
async def test_a_server_that_fails_is_no_answer(server: DnsServer, code: dns.rcode.Rcode, said: str) -> None:
    server.broken["*"] = code
    with pytest.raises(Failed, match=f"db.example.com A: .*{said}.* by {server.server}"):
        await ask(server, "db")


async def test_a_server_that_is_silent_is_no_answer(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    server.silent = True
    with pytest.raises(Failed, match="no answer by .* within 0.3 s"):
        await ask(server, "db")


async def test_dead_names_delay_no_living_one(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 1.5)
    monkeypatch.setattr(module, "MAX_QUESTIONS", 1)
    monkeypatch.setattr(module, "MAX_DOUBTFUL", 1)
    server.mute.add("dead")
    server.set("db", "A", "192.0.2.7")
    look = Lookup()
    with pytest.raises(Failed, match="no answer"):
        await look("dead.example.com", "A", server.server)
    # Longer than anybody's patience, asked one after the other.
    dead = [asyncio.create_task(look("dead.example.com", "A", server.server)) for _ in range(5)]
    assert (await look("db.example.com", "A", server.server)).records == (Record("192.0.2.7"),)
    assert not any(task.done() for task in dead)
    # Who was not even asked again says what was said before.
    failures = await asyncio.gather(*dead, return_exceptions=True)
    assert {str(failure) for failure in failures} == {f"dead.example.com A: no answer by {server.server} within 1.5 s"}


async def test_a_server_over_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._resolver("[::1]:5353").nameservers == ["::1"]
    assert module._resolver("[::1]:5353").port == 5353


DNSMASQ = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")


@pytest.mark.skipif(DNSMASQ is None, reason="dnsmasq is not installed: apt-get install dnsmasq-base")
async def test_a_well_known_server_answers_the_same_way() -> None:
    address, port = "127.53.11.2", 5353
    assert DNSMASQ is not None
    options = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--conf-file=/dev/null"]
    options += [f"--listen-address={address}", f"--port={port}", "--local=/example.com/"]
    options += ["--pid-file", "--user=", "--local-ttl=9", "--host-record=db.example.com,192.0.2.7,2001:db8::7"]
    options += ["--srv-host=_pg._tcp.example.com,db.example.com,5432,10,60", "--cname=alias.example.com,db.example.com"]
    process = subprocess.Popen([DNSMASQ, *options])
    try:
        _listening(address, port, process)
        look, where = Lookup(), f"{address}:{port}"
        assert await look("db.example.com", "A", where) == Records((Record("192.0.2.7"),), 9)
        assert await look("db.example.com", "AAAA", where) == Records((Record("2001:db8::7"),), 9)
        assert (await look("alias.example.com", "A", where)).records == (Record("192.0.2.7"),)
        found = await look("_pg._tcp.example.com", "SRV", where)
        assert found.records == (Record("db.example.com.", 5432, 10, 60),)
        assert "NXDOMAIN" in (await look("nobody.example.com", "A", where)).why
        with pytest.raises(Failed, match="REFUSED"):
            await look("elsewhere.example.net", "A", where)
    finally:
        process.terminate()
        process.wait()


def _listening(address: str, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline, pause = time.monotonic() + 20, threading.Event()
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as trial:
            if trial.connect_ex((address, port)) == 0:
                return
        pause.wait(0.02)
    raise AssertionError(f"dnsmasq does not listen ({process.poll()})")
