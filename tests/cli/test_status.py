import json
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft

HEALTH = {"status": "ok", "trust_domain": "t.weft", "revision": 7, "problems": []}
WEB = {
    "name": "default/web-0",
    "service": "default/web",
    "health": "healthy",
    "lease": "attached",
    "identity": "spiffe://t.weft/ns/default/sa/web",
    "certificate_seconds_left": 80000,
    "sync": {"connected": True, "subscriptions": 4, "current": 4},
}


def objects(status: str = "True", message: str = "") -> dict[str, Any]:
    condition = {"type": "Accepted", "status": status, "reason": "R", "message": message}
    programmed = {"applied": 1, "needed": 2, "missing": [{"workload": "default/web-1", "reason": "not connected"}]}
    item = {"ref": "Service/default/web", "conditions": [condition], "programmed": programmed}
    return {"revision": 7, "compiled_revision": 7, "objects": [item]}


@pytest.fixture(autouse=True)
def mesh(controller: Fake) -> None:
    controller.answers |= {"/v1/health": HEALTH, "/v1/status": objects(), "/v1/workloads": {"workloads": [WEB]}}


def test_what_is_in_force_how_far_and_where_not(weft: Weft) -> None:
    done = weft("status")
    assert done.status == 0
    assert done.lines[0] == "controller ok, mesh t.weft, revision 7"
    assert "Service/default/web  True      -         -         1/2      default/web-1: not connected" in done.lines
    assert any(line.startswith("default/web-0  default/web") and line.endswith("4/4     22h") for line in done.lines)


def test_what_is_refused_is_status_1(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/status"] = objects("False", "no such backend")
    done = weft("status", "services")
    assert done.status == 1
    assert "no such backend" in done.out
    assert controller.asked[1][1] == "/v1/status?kind=Service"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"problems": ["no such service default/web"]}, "default/web-0: no such service default/web"),
        (
            {"sync": {"rejected": [{"kind": "Frontend", "name": "a:80@*", "reason": "lacks route.grpc"}]}},
            "default/web-0: Frontend a:80@*: lacks route.grpc",
        ),
    ],
)
def test_a_workloads_problems_are_said(weft: Weft, controller: Fake, more: dict[str, Any], text: str) -> None:
    controller.answers["/v1/workloads"] = {"workloads": [{**WEB, **more}]}
    assert text in weft("status").lines


def test_what_is_not_there_is_status_1(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/status"] = {"revision": 7, "compiled_revision": 7, "objects": []}
    done = weft("status", "service", "nobody")
    assert (done.status, done.out) == (1, "")
    assert done.err == "error: no service nobody\n\nhint: `weft get` lists everything\n"
    assert weft("status", "service").status == 0


def test_nobody_there_is_said(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/workloads"] = {"workloads": []}
    assert weft("workloads", "nobody").err == "no workloads of default/nobody\n"
    assert weft("workloads").err == "no workloads\n"


def test_json_has_everything(weft: Weft) -> None:
    told = json.loads(weft("status", "-o", "json").out)
    assert set(told) == {"health", "revision", "compiled_revision", "objects", "workloads"}


def test_workloads_of_a_service(weft: Weft, controller: Fake) -> None:
    assert weft("workloads", "web").lines[1].startswith("default/web-0")
    assert controller.asked[0][1] == "/v1/workloads?service=default%2Fweb"


def test_a_lost_lease_says_since_when(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/workloads"] = {"workloads": [{**WEB, "lease": "lost", "lost_seconds": 45.0}]}
    assert "lost 45s ago" in weft("workloads").out
