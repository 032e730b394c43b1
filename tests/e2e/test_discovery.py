"""Servers without a proxy, found by a real DNS server and by files, called from the mesh through real proxies."""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.dns_server import DnsServer
from tests.e2e.conftest import World, until
from tests.e2e.support import file, job

DNS, ONE, TWO, PORT = "127.53.21.1", "127.53.21.11", "127.53.21.12", 18_080


class Outside(ThreadingHTTPServer):
    """Says its name; `/flaky/ID` fails at the first try of each ID; `/slow` does not answer."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, address: str, name: str, port: int = PORT) -> None:
        self.name, self.tried, self.gate = name, set[str](), threading.Event()
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.gate.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1
    server: Outside

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.gate.wait(60)
        known = self.path in self.server.tried
        self.server.tried.add(self.path)
        self.send_response(503 if self.path.startswith("/flaky/") and not known else 200)
        self.send_header("content-length", str(len(self.server.name)))
        self.end_headers()
        self.wfile.write(self.server.name.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Database(socketserver.ThreadingTCPServer):
    """Speaks first, then echoes: as databases do, it is not HTTP."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, address: str, name: str) -> None:
        self.name = name
        super().__init__((address, 0), Greeter)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Greeter(socketserver.StreamRequestHandler):
    server: Database

    def handle(self) -> None:
        self.wfile.write(f"hello from {self.server.name}\n".encode())
        for line in self.rfile:
            self.wfile.write(b"echo " + line)


@contextmanager
def closing(*servers: Any) -> Iterator[Any]:
    try:
        yield servers
    finally:
        for server in servers:
            server.close()


def service(name: str, protocol: str, *sources: dict[str, Any], port: int = 80) -> dict[str, Any]:
    spec = {"ports": [{"port": port, "protocol": protocol}], "discovery": list(sources)}
    return {"apiVersion": "weft/v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def policy(name: str, to: str, **spec: Any) -> dict[str, Any]:
    spec = {"targetRefs": [{"kind": "Service", "name": to}], **spec}
    return {"apiVersion": "weft/v1", "kind": "TrafficPolicy", "metadata": {"name": name}, "spec": spec}


def discovered(world: World, name: str) -> str:
    """ "Partial Stale: …" """
    with world.mesh() as mesh:
        [found] = mesh.status("Service", name, "default").objects
    [condition] = [each for each in found.conditions if each.type == "Discovered"]
    return f"{condition.status} {condition.reason}: {condition.message}"


def stands(world: World, name: str, text: str) -> str:
    until(lambda: discovered(world, name).startswith(text), f"{name}: {text}")
    return discovered(world, name)


GET = """
import json, os, sys, urllib.error, urllib.request
def get(path):
    try:
        with urllib.request.urlopen(os.environ["WEB_URL"] + path, timeout=15) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.headers.get("weft-reason") or ""]
"""
# One request after the other, each noted in a line, until there is a file "stop".
CALLER = (
    GET
    + """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
log, stop = sys.argv[1:]
with open(log, "w", buffering=1) as lines:
    while not os.path.exists(stop):
        print(*get("/"), file=lines)
        time.sleep(0.005)
    print("end", file=lines)
"""
)


class Traffic:
    def __init__(self, world: World) -> None:
        self._log, self._stop = world.folder / "requests", world.folder / "stop"
        script = file(world, "caller.py", CALLER)
        world.start(
            *("run", "--name", "caller-0", "--call", "web", "--"),
            *(sys.executable, script, str(self._log), str(self._stop)),
        )

    def lines(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def goes_to(self, name: str) -> None:
        """All of the last requests."""
        until(lambda: self.lines()[-20:] == [f"200 {name}"] * 20, f"requests to {name}")

    def end(self) -> list[str]:
        self._stop.touch()
        until(lambda: self.lines()[-1:] == ["end"], "the end of the requests")
        return self.lines()[:-1]


def test_an_endpoint_that_moves_at_its_ttl_costs_no_request_and_a_dead_dns_server_none_either(world: World) -> None:
    world.controller()
    with DnsServer(DNS) as dns, closing(Outside(ONE, "one"), Outside(TWO, "two")):
        dns.set("web", "A", ONE, ttl=1)
        found = {"dns": {"name": "web.example.com", "port": PORT, "server": dns.server}}
        world.apply(service("web", "HTTP", found), policy("patient", "web", retry={"attempts": 1}))
        assert stands(world, "web", "True Discovered") == "True Discovered: 1 endpoint"
        traffic = Traffic(world)
        traffic.goes_to("one")
        dns.set("web", "A", TWO, ttl=1)
        traffic.goes_to("two")

        dns.drop("web")
        assert "there is no such name (NXDOMAIN" in stands(world, "web", "Partial Stale")
        traffic.goes_to("two")
        dns.stop()
        until(lambda: "no answer by" in discovered(world, "web"), "the dead DNS server is noticed")
        controller = world.processes[0]
        controller.terminate()
        controller.wait()
        world.controller()
        stands(world, "web", "Partial Stale")
        traffic.goes_to("two")
        # Its proxy has never been here: what it gets is what the controller remembered.
        assert job(world, "new", GET + 'print(json.dumps(get("/")))') == [200, "two"]

        dns.set("web", "A", ONE, ttl=1)
        dns.start()
        stands(world, "web", "True Discovered")
        traffic.goes_to("one")
        lines = traffic.end()
        assert len(lines) > 100
        assert [line for line in lines if not line.startswith("200 ")] == []
        said = world.weft("events", "-o", "json").stdout
        assert "discovery-failed" in said and "discovery-recovered" in said


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with DnsServer("127.53.21.2") as made:
        yield made


def test_policies_of_the_caller_hold_for_what_dns_finds(world: World, dns: DnsServer) -> None:
    world.controller()
    with closing(Outside("127.53.21.13", "srv", 18_081), Outside("::1", "six", 18_082)):
        dns.set("_web._tcp", "SRV", "10 0 18081 here.example.com.", "20 0 18089 backup.example.com.")
        dns.set("here", "A", "127.53.21.13")
        dns.set("backup", "A", "127.53.21.14")
        dns.set("six", "AAAA", "::1")
        srv = {"dns": {"name": "_web._tcp.example.com", "server": dns.server}}
        six = {"dns": {"name": "six.example.com", "port": 18_082, "server": dns.server}}
        timeouts = {"request": "500ms"}
        world.apply(
            service("web", "HTTP", srv),
            service("six", "HTTP", six),
            policy("patient", "web", retry={"attempts": 2, "codes": [503]}, timeouts=timeouts),
        )
        stands(world, "web", "True Discovered: 2 endpoints")
        stands(world, "six", "True Discovered: 1 endpoint")
        code = f"""{GET}
import urllib.request
with urllib.request.urlopen(os.environ["SIX_URL"], timeout=15) as answer:
    six = answer.read().decode()
print(json.dumps([get("/"), get("/flaky/1"), get("/slow"), six]))
"""
        found, flaky, slow, six_said = job(world, "caller", code)
        assert (found, flaky, six_said) == ([200, "srv"], [200, "srv"], "six")
        assert slow[0] == 504
        explained = world.weft("explain", "--from", "default/caller", "--to", "default/web", "/").stdout
        assert "dns _web._tcp.example.com" in explained


TCP = """
import json, os, socket
with socket.create_connection((os.environ["DB_HOST"], int(os.environ["DB_PORT"])), timeout=15) as connection:
    lines = connection.makefile("rwb")
    found = [lines.readline().decode()]
    lines.write(b"abc\\n"); lines.flush()
    found.append(lines.readline().decode())
print(json.dumps(found))
"""


def write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.rename(path)


def test_a_database_is_found_by_a_file_that_may_change_and_break(world: World) -> None:
    world.controller()
    path = world.folder / "db.yaml"
    with closing(Database("127.53.21.15", "a"), Database("127.53.21.16", "b")) as (a, b):
        write(path, f"- {{address: 127.53.21.15, port: {a.port}}}\n")
        world.apply(service("db", "TCP", {"file": str(path)}, port=5432))
        stands(world, "db", "True Discovered")
        assert job(world, "t1", TCP) == ["hello from a\n", "echo abc\n"]

        write(path, f'- targets: ["127.53.21.16:{b.port}"]\n')

        def moved() -> bool:
            listed = world.weft("get", "endpoints", "db", "-o", "json").stdout
            return [each["address"] for each in json.loads(listed)] == [f"127.53.21.16:{b.port}"]

        until(moved, "the file is read again")
        assert job(world, "t2", TCP)[0] == "hello from b\n"

        write(path, "- {address: 127.53.21.16\n")
        assert f"{path}:2:1: not valid YAML" in stands(world, "db", "Partial Stale")
        assert job(world, "t3", TCP)[0] == "hello from b\n"
        listed = world.weft("get", "endpoints", "db")
        assert "file " in listed.stdout and "stale" in listed.stdout
        path.unlink()
        until(lambda: "no such file" in discovered(world, "db"), "the missing file is noticed")
        assert job(world, "t4", TCP)[0] == "hello from b\n"
        status = world.weft("status")
        assert status.returncode == 1
        assert "no such file" in status.stdout


def test_a_rule_that_nobody_could_enforce_is_refused_by_name(world: World, dns: DnsServer) -> None:
    world.controller()
    dns.set("web", "A", "127.53.21.17")
    world.apply(service("web", "HTTP", {"dns": {"name": "web.example.com", "server": dns.server}}))
    access = """
        apiVersion: weft/v1
        kind: AccessPolicy
        metadata: {name: p}
        spec: {targetRefs: [{kind: Service, name: web}], rules: [{from: [{services: [a]}]}]}
    """
    refused = world.weft("apply", "-f", file(world, "p.yaml", access))
    assert refused.returncode == 1
    assert "nothing can enforce it for what dns web.example.com" in refused.stderr
    assert "list the endpoints with identities in a file" in refused.stderr


def test_localhost_is_found_and_an_address_where_nobody_listens_costs_no_request(world: World) -> None:
    world.controller()
    with closing(Outside("127.0.0.1", "local", 0)) as (local,):
        # As ::1 is, on machines where localhost has both and the server one.
        path = world.folder / "dead.yaml"
        write(path, f"- {{address: 127.53.21.99, port: {local.server_port}}}\n")
        source = {"dns": {"name": "localhost", "port": local.server_port}}
        world.apply(service("web", "HTTP", source, {"file": str(path)}))
        stands(world, "web", "True Discovered")
        answers = job(world, "caller", GET + 'print(json.dumps([get("/") for _ in range(50)]))')
        # What was not sent is sent elsewhere.
        assert answers == [[200, "local"]] * 50
