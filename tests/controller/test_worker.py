"""The compiler's process, without the process."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
from typing import Any

import pytest

from tests.controller.conftest import CAPABILITIES, COMPILER, ROOT, route, service
from weft.compiler.model import PortInfo, WorkloadInfo
from weft.controller import frames
from weft.controller.compiling import COMMAND
from weft.controller.topics import Entry
from weft.controller.worker import Checked, Done, Item, Update, Worker, serve
from weft.resources.ref import Origin, Ref


def worker() -> Worker:
    return Worker(lambda kind, message: "the core refuses it" if b"please-refuse" in message else None)


def item(document: dict[str, Any], revision: int = 1) -> Item:
    metadata = document["metadata"]
    ref = Ref(document["kind"], metadata["namespace"], metadata["name"])
    return Item(ref, document, revision, 1.0, 1, None, Origin("shop.yaml", 3))


def update(one: Worker, **changes: Any) -> tuple[dict[str, Entry], Done]:
    parts = list(one.handle("update", Update(**{"revision": 1, "trust_domain": "t", **changes})))
    entries = {f"{entry.kind} {entry.key}": entry for part in parts[:-1] for entry in part}
    return entries, parts[-1]


def checked(one: Worker, *documents: dict[str, Any], drops: tuple[Ref, ...] = ()) -> list[Checked]:
    (answer,) = one.handle("check", ([(document, Origin("f.yaml", 1)) for document in documents], list(drops)))
    return list(answer)


def test_resources_and_workloads_become_entries() -> None:
    ports = (PortInfo(80, "127.0.0.1", 1234),)
    info = WorkloadInfo("default/a-0", "default", "default/a", identity="spiffe://t/ns/default/sa/a", ports=ports,
                        health="healthy", capabilities=frozenset(CAPABILITIES))  # fmt: skip
    entries, done = update(worker(), puts=(item(service("a")),), workloads=(info,))
    assert {"Mesh mesh", "Frontend default/a:80@*", "Backend default/a:80", "Endpoints default/a:80",
            "Inbound default/a-0"} == set(entries)  # fmt: skip
    assert entries["Frontend default/a:80@*"].needs == (("Endpoints", "default/a:80"), ("Backend", "default/a:80"))
    assert b"127.0.0.1" in entries["Endpoints default/a:80"].content
    assert [str(ref) for ref in done.statuses] == ["Service/default/a"] and done.removed == frozenset()


def test_only_what_changed_comes_again() -> None:
    one = worker()
    update(one, puts=(item(service("a")), item(service("b"))))
    entries, done = update(one, revision=2, puts=(item(service("a", 81)),))
    assert set(entries) == {"Frontend default/a:81@*", "Backend default/a:81", "Endpoints default/a:81"}
    assert ("Backend", "default/a:80") in done.removed
    entries, done = update(one, revision=3, drops=(Ref("Service", "default", "b"),))
    assert entries == {} and ("Frontend", "default/b:80@*") in done.removed


def test_what_cannot_be_read_is_refused_by_name_and_the_rest_goes_on() -> None:
    bad = service("bad")
    bad["spec"] = {"ports": "none"}
    entries, done = update(worker(), puts=(item(bad), item(service("good"))))
    assert "Backend default/good:80" in entries
    (condition,) = done.statuses[Ref("Service", "default", "bad")].conditions
    assert (condition.status, condition.reason) == ("False", "Invalid")


def test_a_check_finds_what_is_wrong_alone_between_and_with_the_core() -> None:
    one = worker()
    update(one, puts=(item(service("a")),))
    wrong = service("x")
    wrong["spec"]["prots"] = 1
    found = checked(
        one,
        service("b"),
        wrong,
        route("r", "a", "nowhere"),
        route("s", "a", "a", path="/please-refuse"),
        {"kind": "Nothing"},
    )
    assert found[0].ref == Ref("Service", "default", "b") and found[0].problems == ()
    assert 'unknown field "prots"' in found[1].problems[0].what and found[1].ref is None
    assert (
        found[2].problems[0].severity == "warning"
        and "there is no Service default/nowhere" in found[2].problems[0].what
    )
    assert found[3].problems[0].what == "the core refuses it" and found[3].problems[0].severity == "error"
    assert 'no kind "Nothing"' in found[4].problems[0].what


def test_a_check_looks_at_what_will_be_there_and_not_at_what_will_go() -> None:
    one = worker()
    update(one, puts=(item(service("a")), item(service("b"))))
    (found,) = checked(one, route("r", "a", "b"), drops=(Ref("Service", "default", "b"),))
    assert [problem.severity for problem in found.problems] == ["warning"]
    first, _ = checked(one, route("r", "a", "c"), service("c"))
    assert first.problems == ()


def test_it_says_who_is_not_covered() -> None:
    one = worker()
    unmeshed = WorkloadInfo("default/old", "default", "default/old", health="healthy")
    update(one, puts=(item(service("a")), item(route("r", "a", "a"))), workloads=(unmeshed,))
    (found,) = one.handle("enforced", [Ref("HTTPRoute", "default", "r"), Ref("Service", "default", "a")])
    (condition,) = found.values()
    assert condition.status == "Partial" and "default/old" in condition.message


def test_a_question_that_the_core_refuses_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("identity: a path segment may hold letters")

    monkeypatch.setattr("weft.controller.worker.explain", refuse)
    question = {"from": "\0", "to": "a", "method": "GET", "path": "/", "headers": {}}
    (answer,) = worker().handle("explain", question)
    assert "may hold letters" in answer["error"] and answer["hint"]


def test_the_pipe_answers_in_order_and_survives_a_question_that_fails() -> None:
    requests = frames.encode((1, "explain", {})) + frames.encode((2, "check", ([], [])))
    answers = io.BytesIO()
    serve(io.BytesIO(requests), answers, worker())
    answers.seek(0)
    number, state, text = frames.read(answers)
    assert (number, state) == (1, "failed") and "KeyError" in text
    assert [frames.read(answers), frames.read(answers)] == [(2, "part", []), (2, "end", None)]


def test_a_compile_that_fails_ends_the_process() -> None:
    answers = io.BytesIO()
    with pytest.raises(SystemExit):
        serve(io.BytesIO(frames.encode((1, "update", None))), answers, worker())
    answers.seek(0)
    assert frames.read(answers)[1] == "failed"


def test_the_process_ends_with_its_parent_and_prints_nothing_into_the_pipe() -> None:
    request = frames.encode((7, "check", ([], [])))
    done = subprocess.run(COMPILER, input=request, capture_output=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0
    pipe = io.BytesIO(done.stdout)
    assert [frames.read(pipe), frames.read(pipe)] == [(7, "part", []), (7, "end", None)] and pipe.read() == b""
    assert sys.executable == COMPILER[0]


def test_started_by_its_name_it_sends_what_its_parent_can_read() -> None:
    built = importlib.util.find_spec("weft._core") is not None
    request = frames.encode((7, "update", Update(1, trust_domain="t")))
    done = subprocess.run(COMMAND, input=request, capture_output=True, cwd=ROOT, timeout=60)
    if not built:
        assert done.returncode == 1 and b"extension is not built" in done.stderr
        return
    pipe = io.BytesIO(done.stdout)
    assert frames.read(pipe)[2][0].kind == "Mesh"
    assert isinstance(frames.read(pipe)[2], Done)
