"""tests/vectors/resources: resources and a request → a decision, through the compiler and then the core."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from weft.ask import Explanation, explain
from weft.compiler import (
    Compiled,
    Discovered,
    PortInfo,
    Snapshot,
    Stored,
    WorkloadInfo,
    World,
    compile_all,
    core,
    full_status,
)
from weft.compiler.policies import POLICIES
from weft.controller.leases import Attached, Leases
from weft.resources import Ref, validate
from weft.resources.parse import parse_node
from weft.resources.reader import Node, read

FOLDER = Path(__file__).resolve().parent.parent / "vectors" / "resources"
TRUST = "weft.local"
KEYS = {"name", "ask", "from", "to", "ip", "headers", "rule", "backends", "endpoints", "status", "reason", "by"}
KEYS |= {"audited", "location", "passes", "answers", "status of", "delivered"}


@dataclass(frozen=True)
class Case:
    file: str
    name: str
    given: dict[str, Any]


@cache
def vector(file: str) -> tuple[Compiled, dict[str, Any]]:
    (node,), problems = read((FOLDER / file).read_text(encoding="utf-8"), file)
    assert problems == []
    return compiled(node, file), node.value


def compiled(node: Node, file: str) -> Compiled:
    created = node.value.get("created", {})
    stored = {}
    for place, item in enumerate(node.find(("resources",)).items):
        resource, problems = parse_node(item, file)
        assert resource is not None, problems
        stored[resource.ref] = Stored(resource, 1, float(created.get(str(resource.ref), 10 + place)))
    workloads = [heard(workload(w), w.get("silent_s")) for w in node.value.get("workloads", [])]
    found = node.value.get("discovered", {})
    discovered = {service: tuple(Discovered(**each) for each in given) for service, given in found.items()}
    return compile_all(Snapshot(1, stored), World({w.name: w for w in workloads if w}, TRUST, discovered=discovered))


def heard(info: WorkloadInfo, silent_s: float | None) -> WorkloadInfo | None:
    """What the controller makes of a workload whose stream it lost so long ago; None: it is gone."""
    if silent_s is None:
        return info
    leases, stream = Leases(), object()
    leases.attach(stream, Attached(info))
    leases.lose(info.name, stream, 0.0)
    leases.expire(silent_s)
    lease = leases.all.get(info.name)
    return lease.info(silent_s, leases.unhealthy_after) if lease else None


def workload(given: dict[str, Any]) -> WorkloadInfo:
    namespace = given.get("namespace", "default")
    account = given.get("account", given["service"])
    able = core.capabilities() - set(given.get("lacks", []))
    assert set(given.get("lacks", [])) <= core.capabilities()
    return WorkloadInfo(
        name=f"{namespace}/{given['name']}",
        namespace=namespace,
        service=f"{namespace}/{given['service']}",
        version=given.get("version", ""),
        labels=given.get("labels", {}),
        identity=f"spiffe://{TRUST}/ns/{namespace}/sa/{account}" if account else "",
        ports=tuple(
            PortInfo(int(port), "127.0.0.1", listen) for port, listen in given.get("ports", {"80": 8080}).items()
        ),
        health=given.get("health", "healthy"),
        capabilities=able if account else frozenset(),
    )


def cases() -> list[Case]:
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        (node,), problems = read(path.read_text(encoding="utf-8"), path.name)
        assert problems == [], "\n".join(map(str, problems))
        found += [Case(path.name, case["name"], case) for case in node.value["cases"]]
    return found


CASES = cases()
# As their `older` says: every proxy knows them.
NOTHING_OLDER = {"identities", "mtls", "default", "discovery"}
# What happens in silence happens without a compiler, so it is shown one level lower.
SILENCE = json.loads((FOLDER.parent / "silence.json").read_text(encoding="utf-8"))["cases"]
ANSWERS = {a for given in [*(c.given for c in CASES), *SILENCE] for a in given.get("answers", [])}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.file.removesuffix('.yaml')}: {c.name}")
def test_it_is_decided_as_the_vector_says(case):
    result, _ = vector(case.file)
    given = case.given
    assert given.keys() <= KEYS
    for ref, conditions in given.get("status of", {}).items():
        found = {c.type: f"{c.status} {c.reason}" for c in full_status(result, Ref.parse(ref)).conditions}
        assert found | conditions == found
    for key, text in given.get("delivered", {}).items():
        kind, _, name = key.partition(" ")
        assert text in text_format.MessageToString(result.delivered[kind, name].message)
    if "ask" in given:
        decided(result, given)


def decided(result: Compiled, given: dict[str, Any]) -> None:
    method, path = given["ask"].split(" ", 1)
    arguments = (method, path, given.get("headers"), given.get("ip", "127.0.0.1"))
    found = explain(result, given.get("from", "default/b"), given.get("to", "default/a"), *arguments)
    print(found.text)
    if given.get("passes"):
        assert found.paths == ()
        return
    backends = given.get("backends")
    if backends is not None:
        assert shares(found) == backends
    ends = {(p.end.status, p.end.reason) for p in found.paths if p.backend or not backends}
    assert ends == {(given.get("status", 0), given.get("reason", ""))}
    if "rule" in given:
        assert [s.rule_id for s in found.steps if s.table == "route"] == [given["rule"]]
    if "by" in given:
        assert {s.rule_id for p in found.paths for s in p.steps if s.table == "authorise"} == {given["by"]}
    if "endpoints" in given:
        assert sorted(e for p in found.paths for e in p.endpoints) == given["endpoints"]
    if "location" in given:
        assert [p.end.location for p in found.paths] == [given["location"]]
    for audited in given.get("audited", []):
        rule, would = audited.split(" ")
        assert any(f"{rule} would {would}" in s.decision for p in found.paths for s in p.steps)


def shares(found: Explanation) -> dict[str, float]:
    total: dict[str, float] = {}
    for path in found.paths:
        total[path.backend] = total.get(path.backend, 0) + path.percent
    return total


@pytest.mark.parametrize("file", sorted({c.file for c in CASES}))
def test_the_core_takes_all_that_is_delivered(file):
    result, _ = vector(file)
    for (kind, _), delivered in result.delivered.items():
        assert core.check(kind, delivered.message.SerializeToString()) is None


@pytest.mark.parametrize("file", sorted({c.file for c in CASES} - {"answers.yaml"}))
def test_its_resources_are_valid(file):
    result, _ = vector(file)
    errors = [p for p in validate(s.resource for s in result.snapshot.resources.values()) if p.severity == "error"]
    assert errors == []


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.id)
def test_each_policy_shows_its_three_answers(policy):
    """Which side acts, what when the other side cannot, what when it cannot tell."""
    shown = {a.partition(".")[2] for a in ANSWERS if a.startswith(f"{policy.id}.")}
    assert shown >= {"side", "unmeshed", "silent", "uncertain"}
    assert "older" in shown or policy.id in NOTHING_OLDER


def test_no_answer_is_of_a_policy_that_is_not():
    known = {f"{p.id}.{answer}" for p in POLICIES for answer in ("side", "unmeshed", "older", "silent", "uncertain")}
    assert known >= ANSWERS
