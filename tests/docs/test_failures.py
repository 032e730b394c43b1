"""docs/failures.md has each reason and no other; the common ones are provoked, and answer as the page says."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.machine import Broken, Machine, namespace, until
from tests.docs.page import ROOT
from tools.generate_reasons import ENTRY, SOURCE

PAGE = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### ([a-z-]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
CODES = [entry["code"] for entry in ENTRY.finditer(SOURCE.read_text(encoding="utf-8"))]
RESERVED = [code for code, text in ENTRIES.items() if "\n*Reserved: " in text]


def test_each_code_has_its_entry_and_each_entry_a_code() -> None:
    assert sorted(ENTRIES) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_an_entry_says_how_to_find_out_why_and_what_to_do(code: str) -> None:
    for part in ("Find out more: ", "Usual causes: ", "What to do: "):
        assert f"\n- {part}" in ENTRIES[code]


def test_what_is_reserved_is_what_no_proxy_answers() -> None:
    names = re.findall(r'^    ([A-Z]\w+) "([a-z-]+)"', SOURCE.read_text(encoding="utf-8"), re.MULTILINE)
    every = (path for path in (ROOT / "crates").rglob("*.rs") if path != SOURCE)
    sources = [path for path in every if "test" not in path.name and "tests" not in path.parts]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert sorted(RESERVED) == sorted(code for name, code in names if not re.search(rf"\bReason::{name}\b", text))


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(weft [a-z]+)", PAGE))))
def test_commands_that_are_named_exist(command: str) -> None:
    assert f"\n## {command}\n" in (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")


# What each of them needs to fail; `plain` does what its path says.
APP = """
import os, socketserver, threading
class App(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            path = line.split()[1]
            if path.endswith(b"/slow"):
                threading.Event().wait(30)
            if path.endswith(b"/close"):
                return
            if path.endswith(b"/garbage"):
                self.wfile.write(b"220 mail.example.com ready\\r\\n")
                return
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 3\\r\\n\\r\\nok\\n")
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
Server(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
"""
WEFTFILE = """
egress: refuse
mtls: strict
services:
  plain: {run: python3 app.py, port: 80}
  routed: {run: python3 app.py, port: 80}
  locked: {run: python3 app.py, port: 80}
  friend: {run: python3 app.py, port: 80, calls: [locked]}
"""
RESOURCES = """
apiVersion: weft/v1
kind: Service
metadata: {name: ghost}
spec: {ports: [{port: 80}]}
---
apiVersion: weft/v1
kind: Service
metadata: {name: dead}
spec: {ports: [{port: 80}], endpoints: [{address: 127.0.0.1, port: 9}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: routed}
spec:
  parentRefs: [{group: "", kind: Service, name: routed}]
  rules:
    - matches: [{path: {value: /tea}}]
      backendRefs: [{name: routed, port: 80}]
      timeouts: {backendRequest: 300ms}
    - matches: [{path: {value: /lost}}]
      backendRefs: [{name: nobody, port: 80}]
---
apiVersion: weft/v1
kind: TrafficPolicy
metadata: {name: plain}
spec: {targetRefs: [{name: plain}], timeouts: {request: 300ms}}
---
apiVersion: weft/v1
kind: AccessPolicy
metadata: {name: plain}
spec: {targetRefs: [{name: plain}], action: Deny, rules: [{to: [{paths: [{prefix: /admin}]}]}]}
"""
# The deadline travels, so that the callee's proxy may be the one that notices, in its words.
ALSO = {"request-timeout": "deadline-exceeded"}
# Code, and what is sent: to which service, and what.
SENT = {
    "no-route": ("routed", "GET /coffee HTTP/1.1"),
    "unknown-destination": ("nowhere", "GET / HTTP/1.1"),
    "no-healthy-upstream": ("ghost", "GET / HTTP/1.1"),
    "invalid-backend": ("routed", "GET /lost HTTP/1.1"),
    "connect-failed": ("dead", "GET / HTTP/1.1"),
    "upstream-reset": ("plain", "POST /close HTTP/1.1"),
    "upstream-protocol": ("plain", "GET /garbage HTTP/1.1"),
    "upstream-timeout": ("routed", "GET /tea/slow HTTP/1.1"),
    "request-timeout": ("plain", "GET /slow HTTP/1.1"),
    "access-denied": ("locked", "GET / HTTP/1.1"),
    "ambiguous-path": ("plain", "GET /a//b HTTP/1.1"),
    "malformed": ("plain", "GET / HTTP/1.1\r\ncontent-length: x"),
    "head-too-large": ("plain", "GET / HTTP/1.1\r\nx: " + "x" * 70_000),
}
# A job of the mesh: sends all of it to its own proxy, and prints which reason came back.
JOB = """
import json, os, re, socket, sys
host, port = os.environ["HTTP_PROXY"].removeprefix("http://").strip("/").split(":")
found = {}
for code, (service, head) in json.load(open("sent.json")).items():
    name = service + ".default.mesh"
    method, _, rest = head.partition(" ")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        request = f"{method} http://{name}{rest}\\r\\nhost: {name}\\r\\nconnection: close\\r\\n\\r\\n"
        connection.sendall(request.encode())
        answer = b""
        try:
            while more := connection.recv(65536):
                answer += more
        except ConnectionResetError:
            pass
    said = re.search(rb"\\nweft-reason: (\\S+)", answer)
    found[code] = said[1].decode() if said else answer[:200].decode(errors="replace")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    if not namespace():
        pytest.skip("no network namespaces here: run as root, or where users may make them (unshare --user --net)")
    folder = Path(tempfile.mkdtemp(prefix="d", dir="/tmp"))
    folder.rmdir()
    found = Machine(folder)
    try:
        files = {"app.py": APP, "weft.yaml": WEFTFILE, "resources.yaml": RESOURCES, "job.py": JOB}
        for name, text in {**files, "sent.json": json.dumps(SENT)}.items():
            (found.here / name).write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
        for command in ("weft up -d", "weft apply -f resources.yaml"):
            status, said = found.type(command)
            assert status == 0, said
        yield found
        found.type("weft down --now")
    finally:
        found.close()


@pytest.fixture(scope="module")
def reasons(machine: Machine) -> dict[str, str]:
    found: dict[str, str] = {}

    def as_written() -> bool:
        status, said = machine.type(f"weft run --name stranger -- {sys.executable} job.py 2>log")
        assert status == 0, said + (machine.here / "log").read_text()
        found.update(json.loads(said))
        # The resources are on their way to the proxies of the others for a moment.
        return all(reason in (code, ALSO.get(code)) for code, reason in found.items())

    # What does not come is for the test of its code to tell.
    with contextlib.suppress(Broken):
        until(as_written, "the reasons", patience_s=10)
    return found


@pytest.mark.parametrize("code", SENT)
def test_the_failure_has_the_code_that_the_page_explains(code: str, reasons: dict[str, str]) -> None:
    assert reasons[code] in (code, ALSO.get(code))


def test_a_caller_without_an_identity_is_told_so(machine: Machine) -> None:
    [workload] = json.loads(machine.type("weft workloads plain -o json 2>/dev/null")[1])
    [port] = workload["ports"]
    _, said = machine.type(f"curl -s -i http://{port['address']}:{port['listen_port']}/")
    assert "weft-reason: mtls-required" in said


def test_a_tunnel_to_a_service_is_refused(machine: Machine) -> None:
    curl = "curl -s -i -p -x $PLAIN_URL http://plain.default.mesh/"
    _, said = machine.type(f"weft run --name tunnel -- sh -c '{curl}' 2>log")
    assert "weft-reason: tunnel-refused" in said
