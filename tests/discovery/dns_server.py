"""A small DNS server of one zone, over UDP and TCP, that can be changed and broken while it runs."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

ZONE = "example.com."
NEGATIVE_TTL = 7


@dataclass
class DnsServer:
    """`records`: (name, type) to (ttl, texts). On `address`, any free port that UDP and TCP both have."""

    address: str
    records: dict[tuple[str, str], tuple[int, list[str]]] = field(default_factory=dict)
    # What is wrong with it: a response code for everything, or for one type; or silence.
    broken: dict[str, dns.rcode.Rcode] = field(default_factory=dict)
    silent: bool = False
    # Names about which it is silent.
    mute: set[str] = field(default_factory=set)
    # "udp a.example.com. A", in order.
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> DnsServer:
        self._servers: list[socketserver.BaseServer] = []
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def server(self) -> str:
        return f"{self.address}:{self.port}"

    def start(self) -> None:
        """Also again, on the same port."""
        handlers = (("udp", _UdpServer, _Udp), ("tcp", _TcpServer, _Tcp))
        for _, kind, handler in handlers:
            server = kind((self.address, self.port), handler)
            server.zone = self
            self.port = server.server_address[1]
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def set(self, name: str, type_: str, *texts: str, ttl: int = 60) -> None:
        self.records[f"{name}.{ZONE}", type_] = ttl, list(texts)

    def drop(self, name: str) -> None:
        for key in [key for key in self.records if key[0] == f"{name}.{ZONE}"]:
            del self.records[key]

    def answer(self, wire: bytes, how: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        type_ = dns.rdatatype.to_text(question.rdtype)
        name = question.name.to_text().lower()
        self.asked.append(f"{how} {name} {type_}")
        if self.silent or name.partition(".")[0] in self.mute:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        code = self.broken.get(type_, self.broken.get("*"))
        if code is not None:
            response.set_rcode(code)
        else:
            self._fill(response, name, type_)
        packed = response.to_wire(max_size=65_535)
        if how == "udp" and len(packed) > 512:
            response = dns.message.make_response(query, recursion_available=True)
            response.flags |= dns.flags.TC
            packed = response.to_wire()
        return packed

    def _fill(self, response: dns.message.Message, name: str, type_: str) -> None:
        while (alias := self.records.get((name, "CNAME"))) and type_ != "CNAME":
            response.answer.append(dns.rrset.from_text(name, alias[0], "IN", "CNAME", *alias[1]))
            [name] = alias[1]
        ttl, texts = self.records.get((name, type_), (0, []))
        if texts:
            response.answer.append(dns.rrset.from_text(name, ttl, "IN", type_, *texts))
            return
        if not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f"ns.{ZONE} root.{ZONE} 1 60 60 60 {NEGATIVE_TTL}"
        response.authority.append(dns.rrset.from_text(ZONE, NEGATIVE_TTL, "IN", "SOA", soa))


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads, allow_reuse_address = True, True
    zone: DnsServer


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address = True, True
    zone: DnsServer


class _Udp(socketserver.BaseRequestHandler):
    server: _UdpServer

    def handle(self) -> None:
        wire, out = self.request
        packed = self.server.zone.answer(wire, "udp")
        if packed is not None:
            assert isinstance(out, socket.socket)
            out.sendto(packed, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    server: _TcpServer

    def handle(self) -> None:
        head = self.rfile.read(2)
        if len(head) < 2:
            return
        packed = self.server.zone.answer(self.rfile.read(struct.unpack("!H", head)[0]), "tcp")
        if packed is not None:
            self.wfile.write(struct.pack("!H", len(packed)) + packed)
