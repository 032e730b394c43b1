# ruff: noqa: E501
"""Bad input never takes down good configuration, and whoever gave it is told where, what, and what next.

| bad input | test |
|---|---|
| YAML that does not parse | test_yaml_that_does_not_parse_is_named_with_its_line |
| unknown kind, field | test_an_unknown_kind_and_field_are_named_with_the_likely_word |
| unknown reference | test_a_route_to_nowhere_fails_for_its_share_and_status_says_so, test_an_unknown_service_in_a_weft_yaml_… |
| conflicting routes | test_of_two_routes_with_the_same_match_the_older_wins_and_the_newer_is_warned_of |
| two services on one port | test_a_local_port_published_twice_is_refused, test_a_service_with_one_port_twice_is_refused |
| a port taken | test_a_taken_port_is_refused_naming_the_process |
| a run command that does not exist | test_a_command_that_does_not_exist_is_named |
| one that dies at once | test_a_command_that_dies_at_once_shows_its_last_lines_and_exit_status |
| a join token twice, for somebody else | test_identity.py |
| another workload's `Inbound` | test_identity.py |
| a clock that is off | test_identity.py; of peers: crates/proxy/src/tls/tests.rs |
| a capability that a proxy lacks | test_capability.py |
| full disk, corrupt store, corrupt proxy state | test_bad_input_state.py |
| malformed and smuggling HTTP | test_bad_input_http.py |
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from tests.e2e.conftest import World, free_port
from tests.e2e.support import documents, failed, file, job, listens, running

GOOD = """
    apiVersion: weft/v1
    kind: Service
    metadata: {name: good}
    spec: {ports: [{port: 80}]}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("b")) as made:
        made.controller()
        assert made.weft("apply", "-f", file(made, "good.yaml", GOOD)).returncode == 0
        yield made


def up(world: World, text: str, *options: str) -> CompletedProcess[str]:
    """`weft up` of a file, with a controller of its own beside the one of these tests."""
    addresses = ["--rest-address", f"127.0.0.1:{free_port()}", "--grpc-address", f"127.0.0.1:{free_port(2)}"]
    return world.weft("up", "-f", file(world, "weft.yaml", text), *addresses, *options)


def refused_and_nothing_lost(world: World, text: str, *words: str) -> str:
    before = documents(world)
    said = failed(world.weft("apply", "-f", file(world, "bad.yaml", text)), "nothing was done", *words)
    assert documents(world) == before
    return said


def test_yaml_that_does_not_parse_is_named_with_its_line(world: World) -> None:
    refused_and_nothing_lost(world, "kind: Service\n---\na: {b: [\n", "bad.yaml:4:", "not valid YAML")
    failed(up(world, "services:\n  a: {run: x\n  b: [\n"), "weft.yaml:3:")


def test_an_unknown_kind_and_field_are_named_with_the_likely_word(world: World) -> None:
    text = "apiVersion: weft/v1\nkind: Servise\nmetadata: {name: a}\n---\n"
    text += "apiVersion: weft/v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 80, protocl: HTTP}]}\n"
    said = refused_and_nothing_lost(world, text, 'bad.yaml:2:7: there is no kind "Servise"', 'did you mean "Service"?')
    assert 'bad.yaml:8:27: unknown field "protocl"' in said and 'did you mean "protocol"?' in said


def test_an_unknown_service_in_a_weft_yaml_is_named_with_its_line(world: World) -> None:
    text = "services:\n  a: {run: 'true', port: 80, calls: [zzz]}\n"
    failed(up(world, text), "weft.yaml:2:", "no service 'zzz'", "known here: a")


def test_a_service_with_one_port_twice_is_refused(world: World) -> None:
    text = "apiVersion: weft/v1\nkind: Service\nmetadata: {name: good}\nspec: {ports: [{port: 80}, {port: 80}]}\n"
    refused_and_nothing_lost(world, text, "bad.yaml:4:", "'80' twice")


def test_a_local_port_published_twice_is_refused(world: World) -> None:
    services = "services:\n  a: {run: sleep 9, port: 80}\n  b: {run: sleep 9, port: 80}\n"
    port = free_port()
    done = up(world, services, "-p", f"a={port}", "-p", f"b={port}")
    failed(done, str(port), "twice")


def test_a_taken_port_is_refused_naming_the_process(world: World) -> None:
    port = free_port()
    text = "services:\n  a: {run: sleep 9, port: 80}\n"
    with listens(port):
        done = up(world, text, "-p", f"a={port}")
    failed(done, f"127.0.0.1:{port} is in use by", f"(pid {os.getpid()})", "take another port")
    # Of the controller.
    done = world.weft(
        "controller",
        "--state-dir",
        str(world.folder / "second"),
        "--rest-address",
        f"127.0.0.1:{world.rest}",
        "--grpc-address",
        f"127.0.0.1:{free_port(2)}",
    )
    failed(done, f"127.0.0.1:{world.rest}")
    with listens(free_port()) as taken:
        grpc = taken.getsockname()[1]
        rest = f"127.0.0.1:{free_port()}"
        state = str(world.folder / "third")
        addresses = ["--rest-address", rest, "--grpc-address", f"127.0.0.1:{grpc}"]
        done = world.weft("controller", "--state-dir", state, *addresses)
    assert failed(done, f"cannot listen on 127.0.0.1:{grpc}", "--grpc-address").startswith("error: ")


def test_a_command_that_does_not_exist_is_named(world: World) -> None:
    done = world.weft("run", "--name", "absent", "--", "/no/such/command")
    failed(done, "/no/such/command")
    text = "services:\n  a: {run: /no/such/command, port: 80}\n"
    done = up(world, text)
    failed(done, "/no/such/command", "a-0 ended", "hint: ")


def test_a_command_that_dies_at_once_shows_its_last_lines_and_exit_status(world: World) -> None:
    text = "services:\n  a: {run: sh -c 'echo alas; echo the reason >&2; exit 3', port: 80}\n"
    done = up(world, text)
    said = failed(done, "a-0 ended with exit status 3", "change `run` of a-0")
    assert "  alas\n" in said and "  the reason\n" in said
    done = world.weft("run", "--name", "dies", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3 and "Traceback" not in done.stderr


ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{group: "", kind: Service, name: {to}}}]
  rules:
  - backendRefs: {backends}
"""

MANY = """
import json, os, urllib.error, urllib.request
found = []
for _ in range(60):
    try:
        found.append([urllib.request.urlopen(os.environ["{name}_URL"], timeout=15).status, ""])
    except urllib.error.HTTPError as error:
        found.append([error.code, error.headers["weft-reason"]])
print(json.dumps(found))
"""


def test_a_route_to_nowhere_fails_for_its_share_and_status_says_so(world: World) -> None:
    world.apply(world.service("halved"))
    world.serve("halved")
    backends = "[{name: halved, port: 80}, {name: nowhere, port: 80}]"
    done = world.weft(
        "apply", "-f", file(world, "half.yaml", ROUTE.format(name="half", to="halved", backends=backends))
    )
    assert done.returncode == 0 and "half.yaml" in done.stderr and "no Service default/nowhere" in done.stderr
    shown = world.weft("status", "httproute", "half")
    assert shown.returncode == 1 and "there is no Service default/nowhere" in shown.stdout
    found = Counter(map(tuple, job(world, "halves", MANY.format(name="HALVED"))))
    assert found.keys() == {(200, ""), (500, "invalid-backend")}
    # 60 with p = 1/2: five standard deviations.
    assert 10 < found[500, "invalid-backend"] < 50
    assert world.weft("delete", "httproute", "half").returncode == 0


def test_of_two_routes_with_the_same_match_the_older_wins_and_the_newer_is_warned_of(world: World) -> None:
    world.apply(world.service("split"), world.service("other"))
    world.serve("split")
    first = ROUTE.format(name="first", to="split", backends="[{name: split, port: 80}]")
    second = ROUTE.format(name="second", to="split", backends="[{name: other, port: 80}]")
    assert world.weft("apply", "-f", file(world, "first.yaml", first)).returncode == 0
    done = world.weft("apply", "-f", file(world, "second.yaml", second))
    assert "second.yaml:" in done.stderr and "HTTPRoute/default/first has the same match" in done.stderr
    assert "Traceback" not in done.stderr
    found = Counter(map(tuple, job(world, "splits", MANY.format(name="SPLIT"))))
    assert found == {(200, ""): 60}
