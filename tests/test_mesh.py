import json
from typing import Any

import httpx
import pytest

import weft
from weft.mesh import Mesh, MeshError


class Controller:
    """Answers from a table and remembers what was asked."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, str(request.url).split("15080")[1], json.loads(request.content or b"null")))
        return httpx.Response(200, json=self.answers[request.url.raw_path.decode().split("?")[0]])


def connected(answers: dict[str, Any]) -> tuple[Mesh, Controller]:
    controller = Controller(answers)
    return Mesh.connect("http://127.0.0.1:15080", transport=httpx.MockTransport(controller)), controller


def test_mesh_is_the_packages_way_in() -> None:
    assert weft.Mesh is Mesh
    assert weft.MeshError is MeshError
    with pytest.raises(AttributeError, match="no attribute 'Loom'"):
        weft.Loom  # noqa: B018


def test_apply_sends_documents_in_one_transaction() -> None:
    mesh, controller = connected({"/v1/apply": {"revision": 4, "results": [{"ref": "A/b/c", "action": "created"}]}})
    document = {"kind": "A", "metadata": {"name": "c", "namespace": "b"}}
    applied = mesh.apply(document, owner="shop", prune=True)
    assert (applied.revision, applied.results[0].action) == (4, "created")
    assert controller.asked == [
        (
            "POST",
            "/v1/apply",
            {"documents": [document], "owner": "shop", "prune": True, "dry_run": False, "partial": False},
        )
    ]


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (lambda m: m.list("Service", owner="shop"), "/v1/resources?kind=Service&owner=shop"),
        (lambda m: m.status(name="a"), "/v1/status?name=a"),
        (lambda m: m.workloads(service="default/a"), "/v1/workloads?service=default%2Fa"),
        (lambda m: m.services(), "/v1/services"),
        (lambda m: m.edges(5, by="version"), "/v1/edges?seconds=5&by=version"),
        (lambda m: m.history("Service", "a"), "/v1/resources/Service/default/a/history"),
        (lambda m: m.revisions(3), "/v1/revisions?limit=3"),
        (lambda m: m.signals(5, namespace="a"), "/v1/signals?seconds=5&by=service&namespace=a"),
        (lambda m: m.rules(), "/v1/rules"),
        (lambda m: m.events(7), "/v1/events?after=7"),
        (lambda m: m.event_page(7, subject="a", wait=20), "/v1/events?after=7&subject=a&wait=20"),
        (lambda m: next(m.tap(status="5xx", query=True), None), "/v1/tap?status=5xx&query=true"),
        (lambda m: m.tokens(), "/v1/tokens"),
        (lambda m: m.certs(), "/v1/certs"),
        (lambda m: m.health(), "/v1/health"),
    ],
)
def test_each_question_has_its_route(call: Any, asked: str) -> None:
    path = asked.split("?")[0]
    answers = {
        "/v1/status": {"revision": 1},
        "/v1/certs": {"trust_domain": "t"},
        "/v1/health": {"status": "ok"},
        "/v1/tap": {"type": "request", "at": 1, "id": "", "source": {}, "destination": {}},
    }
    mesh, controller = connected({path: answers.get(path, {})})
    call(mesh)
    assert controller.asked[0][:2] == ("GET", asked)


def test_names_are_quoted_into_paths() -> None:
    mesh, controller = connected({"/v1/resources/Service/default/a%2Fb": {"ref": "x", "document": {}}})
    mesh.get("Service", "a/b")
    assert controller.asked[0][1] == "/v1/resources/Service/default/a%2Fb"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_would_leave_the_path_is_no_name(name: str) -> None:
    mesh, _ = connected({})
    with pytest.raises(MeshError, match="is not a name"):
        mesh.get("Service", name)


def test_an_unreadable_answer_asks_about_releases() -> None:
    mesh, _ = connected({"/v1/certs": {"roots": []}})
    with pytest.raises(MeshError, match="trust_domain: missing") as caught:
        mesh.certs()
    assert caught.value.hint == "are the CLI and the controller of the same release?"


def test_explain_and_token_carry_their_questions() -> None:
    token = {"token": "weft1.x", "spiffe_id": "spiffe://t/ns/default/sa/a", "expires_at": 1.0}
    mesh, controller = connected({"/v1/explain": {"verdict": "x"}, "/v1/tokens": token})
    assert mesh.explain("default/a", "default/b", headers={"k": "v"}) == {"verdict": "x"}
    assert mesh.token("a", uses=3).token == "weft1.x"
    assert controller.asked[0][2]["headers"] == {"k": "v"}
    assert controller.asked[1][2] == {"namespace": "default", "service_account": "a", "ttl_seconds": 3600, "uses": 3}


def test_a_machines_token_carries_its_grants() -> None:
    mesh, controller = connected({"/v1/machine-tokens": {"token": "weftm1.x", "id": "1", "uses": 2}})
    grants = [{"namespace": "default", "service_account": "a", "service": "default/a", "uses": 2}]
    assert mesh.machine_token("b", grants, ttl_seconds=60).uses == 2
    assert controller.asked[0][2] == {"machine": "b", "grants": grants, "ttl_seconds": 60}


def test_a_proxy_may_remember_several_records_of_one_request() -> None:
    found = [{"workload": "default/a-0", "record": {"status": status}} for status in (503, 200)]
    mesh, _ = connected({"/v1/requests/abc": {"id": "abc", "found": found, "asked": 1}})
    assert [(item.workload, item.record["status"]) for item in mesh.request("abc").found] == [
        ("default/a-0", 503),
        ("default/a-0", 200),
    ]
