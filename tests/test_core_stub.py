"""The stub says what the extension has: names, parameters, and the keys of every dictionary that it returns."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from weft import _core
from weft.v1 import program_pb2 as pb

STUB = ast.parse((Path(__file__).resolve().parent.parent / "python" / "weft" / "_core.pyi").read_text(encoding="utf-8"))
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
KEYS = {
    node.name: {i.target.id for i in node.body if isinstance(i, ast.AnnAssign) and isinstance(i.target, ast.Name)}
    for node in STUB.body
    if isinstance(node, ast.ClassDef)
}


def test_every_public_name_is_in_the_stub_and_the_other_way_round() -> None:
    public = {name for name in dir(_core) if not name.startswith("_")}
    assert public == set(FUNCTIONS) | {"CoreRefused"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_parameters_are_the_same(name: str) -> None:
    given = inspect.signature(getattr(_core, name)).parameters.values()
    assert [(p.name, p.kind.name, p.default is not p.empty) for p in given] == _parameters(FUNCTIONS[name].args)


def _parameters(arguments: ast.arguments) -> list[tuple[str, str, bool]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    first_default = len(positional) - len(arguments.defaults)
    found = [
        (a.arg, "POSITIONAL_ONLY" if a in arguments.posonlyargs else "POSITIONAL_OR_KEYWORD", i >= first_default)
        for i, a in enumerate(positional)
    ]
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return found + [(a.arg, "KEYWORD_ONLY", default is not None) for a, default in keywords]


def _frontend() -> bytes:
    action = pb.RouteAction(split=pb.Split(backends=[pb.WeightedBackend(backend="default/web:80", weight=1)]))
    entry = pb.RouteEntry(rule_id="r", match=pb.RouteMatch(path_prefix="/"))
    return pb.Frontend(name="f", port=80, routes=[entry], actions=[action]).SerializeToString()


def _inbound() -> bytes:
    rule = pb.AccessRule(rule_id="r", action=pb.ACCESS_ACTION_DENY, audit=True)
    port = pb.InboundPort(port=80, access=[rule], otherwise=pb.ACCESS_DEFAULT_ALLOW)
    return pb.Inbound(name="i", ports=[port]).SerializeToString()


def _simulated() -> Any:
    endpoints = [pb.Endpoint(address="::1", port=n, workload=f"w{n}") for n in (1, 2)]
    backend = pb.Backend(port=80, balancer=pb.Balancer(round_robin=True)).SerializeToString()
    content = pb.Endpoints(endpoints=endpoints).SerializeToString()
    return _core.simulate_balance(backend, content, {"w1": (1000, 100)}, 100)


ANSWERS: list[tuple[str, Callable[[], Any]]] = [
    ("Routed", lambda: _core.route(_frontend(), "GET", "/")),
    ("Routed", lambda: _core.route_opaque(_frontend())),
    ("HeaderEdit", lambda: _core.route(_frontend(), "GET", "/")["request_headers"]),
    ("TriedRoute", lambda: _core.explain_route(_frontend(), "GET", "/")[0]),
    ("Authorised", lambda: _core.authorise(_inbound(), 80)),
    ("AuditedRule", lambda: _core.authorise(_inbound(), 80)["audited"][0]),
    ("TriedAccess", lambda: _core.explain_access(_inbound(), 80)[0]),
    ("Simulated", _simulated),
    ("Changed", lambda: _simulated()["changes"][0]),
]


@pytest.mark.parametrize(("name", "answer"), ANSWERS, ids=[f"{i}-{name}" for i, (name, _) in enumerate(ANSWERS)])
def test_dictionaries_have_the_keys_that_the_stub_says(name: str, answer: Callable[[], Any]) -> None:
    assert set(answer()) == KEYS[name]


def test_each_dictionary_of_the_stub_is_asked_for() -> None:
    assert {name for name, _ in ANSWERS} == set(KEYS) - {"CoreRefused"}


def test_a_refusal_has_its_reason_and_what_is_missing() -> None:
    content = pb.Mesh(requires=["mesh.from-the-future"]).SerializeToString()
    with pytest.raises(_core.CoreRefused) as refused:
        _core.require("Mesh", content)
    assert refused.value.missing == ["mesh.from-the-future"]
    assert refused.value.reason == str(refused.value) == _core.check("Mesh", content)
    assert _core.check("Mesh", b"") is None


def test_small_questions() -> None:
    assert _core.capabilities() == sorted(_core.capabilities())
    assert ("no-route", 404, "NR") in [reason[:3] for reason in _core.reasons()]
    assert _core.ambiguous_path(b"/a/%2e%2e/b") and not _core.ambiguous_path(b"/a/b")
    assert _core.split(_frontend(), "r", 10) == {"default/web:80": 10}
    assert _core.resolve([], ["mesh"], "a.b.mesh:81") == "ask b/a:81"
    assert _core.retry(None, "connect-failed", method="POST") == 0
    assert _core.retry(None, "status", code=503) is None
    assert _core.first_limit(deadline_ms="250") == (250, "deadline-exceeded")
    assert _core.retry_budget(None, [(0, True)]) == [True]
    assert _core.tls_verdict(_inbound(), 80, False) == "mtls-required"


@pytest.mark.parametrize(
    "question",
    [
        lambda: _core.split(_frontend(), "nobody", 1),
        lambda: _core.authorise(_inbound(), 81),
        lambda: _core.authorise(_inbound(), 80, source_ip="somewhere"),
        lambda: _core.authorise(_inbound(), 80, principal="somebody"),
        lambda: _core.retry(None, "boredom"),
        lambda: _core.route(b"\xff", "GET", "/"),
    ],
)
def test_questions_without_an_answer_raise_value_error(question: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        question()
