import json
from pathlib import Path
from typing import Any

import httpx

from weft.mesh import Mesh
from weft.resources.expand import expand_text
from weft.run.intent import Intent
from weft.run.loopback import Target

FILE = expand_text("services: {a: {run: x, port: 80, calls: [b]}, b: {run: x, port: 80}}")
OWNER = f"file:{Path('weft.yaml').absolute()}"


class Controller:
    """Has `stored` (reference to owner), and keeps what is applied."""

    def __init__(self, **stored: str | None) -> None:
        self.stored = {f"Service/default/{name}": owner for name, owner in stored.items()}
        self.applied: list[list[str]] = []
        self.mesh = Mesh.connect("http://127.0.0.1:1", transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=self.body(request))

    def body(self, request: httpx.Request) -> Any:
        if request.url.path == "/v1/resources":
            return {"resources": [{"ref": ref, "document": {}, "owner": owner} for ref, owner in self.stored.items()]}
        body = json.loads(request.content)
        assert (body["owner"], body["prune"]) == (OWNER, True)
        names = [document["metadata"]["name"] for document in body["documents"]]
        self.applied.append(names)
        return {"revision": 1, "results": [{"ref": name, "action": "created"} for name in names]}


def intent() -> Intent:
    return Intent(Path("weft.yaml"), FILE, {"127.0.0.1:8080": Target("default/b", 80)})


def test_all_is_applied_also_what_lets_the_edge_in() -> None:
    controller = Controller()
    assert intent().apply(controller.mesh) == 4
    assert controller.applied == [["a", "b", "b-callers", "b-edge"]]


def test_what_stood_there_before_is_not_removed() -> None:
    controller, ours = Controller(a=None, b=OWNER), intent()
    ours.apply(controller.mesh)
    ours.withdraw(controller.mesh)
    assert controller.applied[1] == ["a"]


def test_what_was_not_applied_is_not_withdrawn() -> None:
    controller = Controller()
    assert intent().withdraw(controller.mesh) == 0
    assert controller.applied == []
