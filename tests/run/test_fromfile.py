from pathlib import Path

import pytest

from weft.client.errors import WeftError
from weft.resources.expand import Expanded, expand, expand_text
from weft.run.fromfile import admission, declared, edge, places, published, specs, waits
from weft.run.loopback import Target
from weft.run.spec import START_TIMEOUT_MS

SHOP = """
services:
  web:
    run: python3 web.py --fast
    port: 8080
    health: {http: /healthz, interval: 2s}
    calls: [reviews, other/stock]
    env: {LOG: debug}
    directory: front
  reviews:
    run: python3 reviews.py
    ports: [9080, 9090]
    versions:
      v1: {weight: 80}
      v2: {weight: 20, replicas: 2}
"""


def expanded(text: str = SHOP) -> Expanded:
    found = expand_text(text)
    assert found.ok, found.problems
    return found


def test_a_plan_becomes_a_spec() -> None:
    web, *reviews = specs(expanded(), Path("/shop"), {"other/stock": [70]})
    assert (web.key, web.service, dict(web.ports)) == ("default/web-0", "default/web", {8080: 0})
    assert web.calls == (Target("default/reviews", 9080), Target("default/reviews", 9090), Target("other/stock", 70))
    assert web.command is not None
    assert web.command.arguments == ("python3", "web.py", "--fast")
    assert web.command.directory == "/shop/front"
    assert web.command.env == {"PYTHONUNBUFFERED": "1", "LOG": "debug"}
    assert web.health is not None
    assert (web.health.http_path, web.health.interval_ms) == ("/healthz", 2000)
    assert [(spec.name, spec.version, dict(spec.labels)) for spec in reviews] == [
        ("reviews-v1-0", "v1", {"version": "v1"}),
        ("reviews-v2-0", "v2", {"version": "v2"}),
        ("reviews-v2-1", "v2", {"version": "v2"}),
    ]


def test_what_is_said_of_the_start_reaches_the_supervisor() -> None:
    text = "services: {db: {run: x, port: 1, health: {tcp: true, start_period: 90s}}, a: {run: x, depends_on: [db]}}"
    db, a = specs(expanded(text), Path("/shop"), {})
    assert db.command is not None
    assert a.command is not None
    assert (db.command.start_timeout_ms, a.command.start_timeout_ms) == (90_000, START_TIMEOUT_MS)
    assert (dict(db.after), dict(a.after)) == ({}, {"db-0": "service_healthy"})
    assert list(waits(expanded(text))) == ["a-0 starts once db-0 is healthy"]


def test_a_callee_that_is_nowhere_is_said() -> None:
    with pytest.raises(WeftError, match="web-0 calls other/stock, which is neither in this file nor in the mesh"):
        specs(expanded(), Path("/shop"), {})


def test_the_files_ports_are_known_without_asking() -> None:
    assert declared(expanded()) == {"default/web": (8080,), "default/reviews": (9080, 9090)}


def test_what_is_published_is_on_loopback() -> None:
    found = published(expanded(SHOP.replace("port: 8080", "port: 8080\n    publish: 80")))
    assert found == {"127.0.0.1:80": Target("default/web", 8080)}


def test_only_what_speaks_http_is_shown_as_a_url() -> None:
    text = "services: {db: {port: 1, protocol: TCP, endpoints: [{address: 127.0.0.1}]}, a: {run: x, ports: [2, 3]}}"
    publish = {"127.0.0.1:11": Target("default/db", 1), "127.0.0.1:12": Target("default/a", 3)}
    assert list(places(expanded(text), publish)) == ["db:1 at 127.0.0.1:11", "a:3 at http://127.0.0.1:12"]
    publish = {"127.0.0.1:11": Target("default/db", 1), "127.0.0.1:12": Target("shop/gone", 3)}
    assert list(places(expanded(text), publish)) == ["db:1 at 127.0.0.1:11", "gone:3 at http://127.0.0.1:12"]


def test_the_edge_is_a_workload_without_an_app() -> None:
    spec = edge("edge", "default", {"127.0.0.1:8080": Target("default/web", 8080)})
    assert (spec.key, spec.service_account, spec.command, spec.service) == ("default/edge", "edge", None, "")
    third = edge("gate", "default", {}, {"default/gate", "default/gate-2", "shop/gate-3"})
    assert (third.key, third.service_account) == ("default/gate-3", "gate")


@pytest.mark.parametrize(
    ("head", "service", "names"),
    [
        ("", "web", []),
        ("", "reviews", ["reviews-edge"]),
        ("access: deny", "web", ["web-edge"]),
    ],
)
def test_the_edge_is_let_in_where_something_else_would_shut_it_out(head: str, service: str, names: list[str]) -> None:
    found = admission(expanded(head + SHOP), {"127.0.0.1:1": Target(f"default/{service}", 80)})
    assert [policy.name for policy in found] == names


ROUTED = """
apiVersion: weft/v1
kind: Service
metadata: {name: front}
spec: {ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: paths}
spec:
  parentRefs: [{group: "", kind: Service, name: front}]
  rules:
    - matches: [{path: {value: /reviews}}]
      backendRefs: [{name: reviews, port: 9080}]
    - backendRefs: [{name: web, port: 8080}]
"""


def test_the_edge_is_let_in_where_the_routes_of_what_is_published_lead(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTED)
    head = "access: deny\nedge: gate\nresources: [routes.yaml]\npublish: {local: 1, service: front}\n"
    (tmp_path / "weft.yaml").write_text(head + SHOP.replace(", other/stock", ""))
    found = expand(tmp_path / "weft.yaml")
    assert found.ok, found.problems
    assert published(found) == {"127.0.0.1:1": Target("default/front", 80)}
    policies = admission(found, published(found))
    assert [policy.name for policy in policies] == ["front-gate", "reviews-gate", "web-gate"]
    assert {policy.spec.rules[0].from_[0].services for policy in policies} == {("gate",)}


def test_what_is_started_again_is_said_to_the_supervisor() -> None:
    (spec,) = specs(expanded("services: {a: {run: x, restart: on-failure}}"), Path("/shop"), {})
    assert spec.command is not None
    assert spec.command.restart == "on-failure"
