from dataclasses import replace
from typing import Any

import pytest

from weft import __version__
from weft.check.mesh import Facts, ask, mesh_checks
from weft.check.model import Check
from weft.client.types import (
    Certificates,
    Condition,
    Edge,
    EdgeEnd,
    Event,
    Health,
    Issued,
    ObjectStatus,
    Rejection,
    Root,
    RuleHits,
    Service,
    Status,
    StoredResource,
    Sync,
    TokenInfo,
    Workload,
    WorkloadPort,
)

NOW = 1_800_000_000.0
DAY = 86_400.0
WEB = Workload(
    "default/web-0",
    service="default/web",
    identity="spiffe://t/ns/default/sa/web",
    health="healthy",
    lease="attached",
    proxy_version=__version__,
    certificate_seconds_left=80_000.0,
    sync=Sync(connected=True),
)
POLICY = StoredResource("AccessPolicy/default/p", {"spec": {"rules": [{}, {}]}})
HITS = (RuleHits("AccessPolicy/default/p/0", 3), RuleHits("AccessPolicy/default/p/1", 1))
ROOT = Root("ab", "root", NOW - DAY, NOW + 400 * DAY)
EDGE = Edge(EdgeEnd("default/edge"), EdgeEnd("default/web"), tls="mtls", success_rate=1.0)
GOOD = Facts(
    now=NOW,
    health=Health("ok", __version__, started_at=NOW - DAY),
    status=Status(7, 7, (ObjectStatus("Service/default/web", conditions=(Condition("Accepted", "True"),)),)),
    workloads=[WEB],
    services=[Service("default/web", workloads=2, healthy=2)],
    policies=[POLICY],
    rules=HITS,
    certificates=Certificates("t", (ROOT,), (Issued("1", workload="default/web-0", not_after=DAY),)),
    tokens=[TokenInfo("x", expires_at=NOW + 3600)],
    edges=[EDGE],
    events=[Event(1, "attached", NOW), Event(2, "rejected", NOW - DAY, severity="error")],
)


def checks(**changed: Any) -> dict[str, Check]:
    found = list(mesh_checks(replace(GOOD, **changed)))
    assert len({check.id for check in found}) == len(found)
    return {check.id: check for check in found}


def test_a_mesh_that_is_well_has_nothing_to_say() -> None:
    found = checks()
    assert len(found) >= 30
    assert {check.id: check for check in found.values() if check.result != "ok"} == {}


def web(**changed: Any) -> dict[str, Any]:
    return {"workloads": [replace(WEB, **changed)]}


def condition(kind: str, status: str) -> dict[str, Any]:
    return {"status": Status(7, 7, (ObjectStatus("A/b/c", conditions=(Condition(kind, status),)),))}


def root(begin: float, end: float) -> dict[str, Any]:
    return {"certificates": Certificates("t", (Root("ab", "root", NOW + begin * DAY, NOW + end * DAY),))}


@pytest.mark.parametrize(
    ("changed", "id", "result", "said"),
    [
        ({"health": Health("ok", "9.9.9", started_at=0.0)}, "controller-version", "warn", "9.9.9"),
        ({"health": Health("ok", "", started_at=0.0)}, "controller-version", "warn", ""),
        (
            {"health": Health("degraded", __version__, problems=("compiler gone",))},
            "controller-well",
            "fail",
            "compiler",
        ),
        ({"status": Status(7, 6)}, "compiled", "warn", "revision 6 of 7"),
        ({"events": [Event(1, "rejected", NOW, "default/a", "", "error")]}, "events", "warn", "rejected default/a"),
        ({"certificates": Certificates("t")}, "root", "fail", ""),
        (root(-9, -1), "root-valid", "fail", "root"),
        (root(-9, 5), "root-life", "warn", "root: 5 days"),
        (root(1, 400), "root-clock", "fail", "root"),
        ({"tokens": [TokenInfo("x", expires_at=NOW + 30 * DAY)]}, "tokens", "warn", "x"),
        ({"workloads": []}, "workloads", "skip", "none"),
        (web(lease="lost"), "workloads-attached", "fail", "default/web-0"),
        (web(health="unhealthy", health_reason="503"), "workloads-healthy", "fail", "default/web-0 (503)"),
        (web(health="unknown"), "workloads-known", "warn", "default/web-0"),
        (web(health="draining"), "workloads-draining", "warn", "default/web-0"),
        (web(problems=("no such service",)), "workloads-placed", "fail", "default/web-0: no such service"),
        (web(identity=""), "workloads-identity", "warn", "default/web-0"),
        (web(sync=Sync()), "proxies-connected", "warn", "default/web-0"),
        (web(sync=Sync(True, pending=("a", "b"))), "proxies-current", "warn", "default/web-0: 2"),
        (web(sync=Sync(True, rejected=(Rejection("Frontend", "f"),))), "proxies-accept", "fail", "Frontend f"),
        (web(proxy_version="9.0.0"), "proxies-version", "warn", "default/web-0 (9.0.0)"),
        (web(certificate_seconds_left=-5.0), "certificates-valid", "fail", "default/web-0"),
        (web(certificate_seconds_left=600.0), "certificates-renewed", "warn", "default/web-0: 10 min"),
        (web(clock_ahead_s=-90.4), "clocks", "warn", "default/web-0: -90 s"),
        (web(clock_ahead_s=59.0), "clocks", "ok", ""),
        (web(clock_ahead_s=None), "clocks", "ok", ""),
        (condition("Accepted", "False"), "objects-accepted", "fail", "A/b/c"),
        (condition("ResolvedRefs", "False"), "objects-resolved", "fail", "A/b/c"),
        (condition("Programmed", "Partial"), "objects-programmed", "fail", "A/b/c"),
        (condition("Enforced", "False"), "objects-enforced", "fail", "A/b/c"),
        (condition("Enforced", "Unknown"), "objects-enforced", "ok", ""),
        ({"services": [Service("a/b", declared=False, workloads=1)]}, "services-declared", "warn", "a/b"),
        ({"services": [Service("a/b")]}, "services-served", "warn", "a/b"),
        ({"services": [Service("a/b", workloads=2)]}, "services-up", "fail", "a/b"),
        ({"services": [Service("a/b", workloads=1, healthy=1)]}, "services-spare", "skip", "one workload: a/b"),
        ({"rules": HITS[:1]}, "access-used", "warn", "AccessPolicy/default/p/1"),
        ({"rules": [*HITS, RuleHits("x", 0, 9)]}, "access-audit", "warn", "x: 9"),
        ({"edges": [replace(EDGE, tls="plaintext")]}, "traffic-encrypted", "warn", "default/edge → default/web"),
        ({"edges": [replace(EDGE, success_rate=0.9)]}, "traffic-success", "warn", "default/edge → default/web 90.0 %"),
        ({"edges": [replace(EDGE, reasons={"access-denied": 2})]}, "traffic-refused", "warn", "default/edge"),
    ],
)
def test_what_is_wrong_is_found_named_and_has_a_hint(changed: dict[str, Any], id: str, result: str, said: str) -> None:
    check = checks(**changed)[id]
    assert check.result == result and said in check.detail
    assert check.hint or result in ("ok", "skip")


@pytest.mark.parametrize(
    ("addresses", "wrong"),
    [
        (("127.0.0.1", "127.0.0.1"), ""),
        (("192.0.2.1", "192.0.2.2"), ""),
        (("::1", "2001:db8::1"), "default/web-0"),
        (("192.0.2.1", "127.0.0.1"), "default/web-1"),
    ],
)
def test_of_several_machines_each_is_reached(addresses: tuple[str, str], wrong: str) -> None:
    ports = [(WorkloadPort(80, address, 1),) for address in addresses]
    workloads = [replace(WEB, name=f"default/web-{i}", ports=each) for i, each in enumerate(ports)]
    check = checks(workloads=[*workloads, replace(WEB, name="default/job-0")])["workloads-reachable"]
    assert (check.result, check.detail) == ("fail" if wrong else "ok", wrong)


def test_silence_of_a_rule_means_nothing_soon_after_the_start() -> None:
    young = Health("ok", __version__, started_at=NOW - 300)
    assert (
        checks(health=young, rules=())["access-used"].detail == "counted for 5 min only: since the controller's start"
    )
    assert checks(health=young)["access-used"].result == "ok"


class Answers:
    """A mesh of which only is kept what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def answer(*_: Any) -> Any:
            self.asked.append(name)
            return getattr(GOOD, {"list": "policies", "certs": "certificates"}.get(name, name))

        return answer


def test_a_mesh_is_asked_for_everything_once() -> None:
    mesh = Answers()
    assert ask(mesh, NOW) == GOOD  # type: ignore[arg-type]
    assert len(set(mesh.asked)) == len(mesh.asked) == 10
