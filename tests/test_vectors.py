"""Runs `tests/vectors/*.json` through `weft._core`; `crates/core/tests/vectors.rs` runs the same in Rust."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from weft import _core
from weft.v1 import program_pb2 as pb

Json: TypeAlias = dict[str, Any]
VECTORS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).resolve().parent / "vectors").glob("*.json"))
}
CASES = [(file, case) for file, content in VECTORS.items() for case in content["cases"]]


def _bytes(kind: str, content: Json) -> bytes:
    message: Message = getattr(pb, kind)()
    return ParseDict(content, message).SerializeToString(deterministic=True)


def _resource(file: str, kind: str, name: str) -> bytes:
    return _bytes(kind, VECTORS[file]["resources"][name])


def _optional(kind: str, content: Json | None) -> bytes | None:
    return None if content is None else _bytes(kind, content)


def _request(request: Json) -> Json:
    return {
        "method": request.get("method"),
        "path": request.get("path", ""),
        "host": request.get("host", ""),
        "headers": [(name, value) for name, value in request.get("headers", [])],
    }


def _route(file: str, case: Json) -> Json:
    return dict(_core.route(_resource(file, "Frontend", case["frontend"]), **_request(case["request"]), seed=1))


def _route_opaque(file: str, case: Json) -> Json:
    return dict(_core.route_opaque(_resource(file, "Frontend", case["frontend"]), seed=1))


def _split(file: str, case: Json) -> Json:
    frontend = _resource(file, "Frontend", case["frontend"])
    return {"shares": _core.split(frontend, case["rule_id"], case["n"], seed=1)}


def _authorise(file: str, case: Json) -> Json:
    call = case["call"]
    who = {key: call[key] for key in ("principal", "source_ip", "trust_domain") if key in call}
    inbound = _resource(file, "Inbound", case["inbound"])
    return dict(_core.authorise(inbound, call["port"], **who, **_request(call)))


def _tls(file: str, case: Json) -> Json:
    inbound = _resource(file, "Inbound", case["inbound"])
    return {"reason": _core.tls_verdict(inbound, case["port"], case["is_mtls"])}


def _retry(file: str, case: Json) -> Json:
    names = ("attempt", "method", "code", "response_started", "body_replayable", "retry_after_ms")
    given = {name: case[name] for name in names if name in case}
    after_ms = _core.retry(_optional("RetryPolicy", case["policy"]), case["failure"], **given, seed=1)
    return {"retry": after_ms is not None, "after_ms": after_ms}


def _retry_budget(file: str, case: Json) -> Json:
    events = [
        (burst["at_ms"], is_retry)
        for burst in case["bursts"]
        for is_retry in [False] * burst["requests"] + [True] * burst["retries"]
    ]
    answers = iter(_core.retry_budget(_optional("RetryBudget", case["policy"]), events))
    return {"granted": [sum(islice(answers, burst["retries"])) for burst in case["bursts"]]}


def _first_limit(file: str, case: Json) -> Json:
    names = ("per_try_ms", "deadline_ms", "grpc_timeout", "try_at_ms")
    given = {name: case[name] for name in names if name in case}
    at_ms, reason = _core.first_limit(_optional("Timeouts", case["timeouts"]), **given) or (None, None)
    return {"at_ms": at_ms, "reason": reason}


def _ambiguous_path(file: str, case: Json) -> Json:
    answers = {path: _core.ambiguous_path(path.encode()) for path in case["paths"]}
    wanted = case["expect"]["ambiguous"]
    assert [path for path, answer in answers.items() if answer is not wanted] == []
    return {"ambiguous": wanted}


def _resolve(file: str, case: Json) -> Json:
    frontends = [_resource(file, "Frontend", name) for name in case["frontends"]]
    mesh = VECTORS[file]["resources"][case["mesh"]] if "mesh" in case else {"suffixes": case["suffixes"]}
    refuse_unknown = mesh.get("refuse_unknown", False)
    return {"is": _core.resolve(frontends, mesh["suffixes"], case["authority"], refuse_unknown=refuse_unknown)}


def _health(file: str, case: Json) -> Json:
    return {"state": _core.health(_bytes("HealthCheck", case["check"]), [result == "+" for result in case["results"]])}


def _silence(file: str, case: Json) -> Json:
    """What the core took `before` is held; the question is about that, and about nothing else."""
    held: Json = {}
    for kind, name in case["before"]:
        content = VECTORS[file]["resources"][name]
        if _core.check(kind, _bytes(kind, content)) is None:
            held[f"{kind} {content['name']}"] = content
    then = case["then"]
    for missing in ("frontend", "inbound"):
        if missing in then and then[missing] not in held:
            known = {name: case[name] for name in ("waited_ms", "others") if name in case}
            wait_ms, reason = _core.pending(missing, **known)
            statuses = {code: status for code, status, _, _ in _core.reasons()}
            return {"wait_ms": wait_ms, "reason": reason, "status": statuses.get(reason)}
    VECTORS[f"{file} before"] = {"resources": held}
    return QUESTIONS[then["ask"]](f"{file} before", then)


def _simulate(file: str, case: Json) -> Json:
    report = _core.simulate_balance(
        _resource(file, "Backend", case["backend"]),
        _resource(file, "Endpoints", case["endpoints"]),
        {workload: (latency_us, percent) for workload, (latency_us, percent) in case["behaviour"].items()},
        case["requests"],
        every_us=case["every_us"],
        seed=case["seed"],
    )
    # By workload, its last change.
    last = {change["endpoint"].split()[0]: change["to"] for change in report["changes"]}
    ejected = [c["endpoint"].split()[0] for c in report["changes"] if c["to"] == "rejecting"]
    return {
        **report,
        "used": len(report["picks"]),
        "ejected": list(dict.fromkeys(ejected)),
        "out": sum(to == "rejecting" for to in last.values()),
    }


def _check(file: str, case: Json) -> Json:
    kind = case["kind"].rsplit(".")[-1]
    content = _bytes(kind, case["content"]) if hasattr(pb, kind) else b""
    try:
        _core.require(case["kind"], content)
    except _core.CoreRefused as refused:
        assert _core.check(case["kind"], content) == refused.reason
        return {"refused": refused.reason, "missing": refused.missing}
    return {"refused": None, "missing": []}


QUESTIONS: dict[str, Callable[[str, Json], Json]] = {
    "route": _route,
    "route-opaque": _route_opaque,
    "split": _split,
    "authorise": _authorise,
    "tls": _tls,
    "retry": _retry,
    "retry-budget": _retry_budget,
    "first-limit": _first_limit,
    "ambiguous-path": _ambiguous_path,
    "resolve": _resolve,
    "simulate": _simulate,
    "check": _check,
    "health": _health,
    "silence": _silence,
}


def _differences(expected: Any, actual: Any, place: str) -> Iterator[str]:
    """`expect` speaks only of the keys that it has; {"min", "max"} is a range, {"contains"} a part of a text."""
    if isinstance(expected, dict) and "min" in expected and isinstance(actual, int):
        right = expected["min"] <= actual <= expected["max"]
    elif isinstance(expected, dict) and "contains" in expected and isinstance(actual, str):
        right = expected["contains"] in actual
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            yield from _differences(value, actual.get(key), f"{place}.{key}")
        return
    else:
        right = expected == _plain(actual)
    if not right:
        yield f"{place}: expected {expected!r}, got {actual!r}"


def _plain(value: Any) -> Any:
    """As JSON has it: pairs are lists there."""
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{file}: {case['name']}" for file, case in CASES])
def test_vector(file: str, case: Json) -> None:
    answer = QUESTIONS[case["ask"]](file, case)
    assert list(_differences(case["expect"], answer, case["ask"])) == []


def test_every_question_has_a_case() -> None:
    assert {case["ask"] for _, case in CASES} == set(QUESTIONS)
