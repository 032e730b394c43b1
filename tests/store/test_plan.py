"""What an apply would do, as a pure function."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.resources.ref import Origin, Ref
from weft.store.model import Conflict, Record, Refusal, Write
from weft.store.plan import Plan, Request, canonical, plan

A, B, C = (Ref("Service", "default", name) for name in "abc")


def document(**spec: Any) -> dict[str, Any]:
    return {"kind": "Service", "metadata": {"name": "a"}, "spec": spec}


def record(ref: Ref, revision: int = 3, owner: str | None = None, **spec: Any) -> Record:
    return Record(ref, document(**spec), revision, 1, 100.0, 100.0, owner, Origin("old.yaml", 1))


def actions(planned: Plan) -> list[str]:
    return [f"{step.result.ref.name} {step.result.action}" for step in planned.steps]


def run(current: list[Record], *writes: Write, **options: Any) -> Plan:
    return plan({r.ref: r for r in current}, Request(writes, **options), revision=7, now=200.0)


def test_each_wish_becomes_created_configured_unchanged_or_deleted() -> None:
    current = [record(A, size=1), record(B, size=1), record(C)]
    new = Ref("Service", "default", "d")
    writes = [Write(A, document(size=1)), Write(B, document(size=2)), Write(C, None), Write(new, document())]
    assert actions(run(current, *writes)) == ["a unchanged", "b configured", "c deleted", "d created"]


def test_the_order_of_keys_is_no_change() -> None:
    assert canonical({"a": 1, "b": {"c": 1, "d": 2}}) == canonical({"b": {"d": 2, "c": 1}, "a": 1})


def test_a_changed_spec_counts_a_generation_and_changed_labels_do_not() -> None:
    labelled = {**document(size=1), "metadata": {"name": "a", "labels": {"x": "y"}}}
    (step,) = run([record(A, size=1)], Write(A, labelled)).steps
    assert step.result.action == "configured" and step.record is not None and step.record.generation == 1
    (step,) = run([record(A, size=1)], Write(A, document(size=2))).steps
    assert step.record is not None and step.record.generation == 2


def test_a_moved_origin_is_written_without_a_revision() -> None:
    planned = run([record(A, size=1)], Write(A, document(size=1), Origin("old.yaml", 9)))
    assert planned.changes == ()
    (step,) = planned.moved
    assert step.record is not None and step.record.origin == Origin("old.yaml", 9) and step.record.revision == 3


def test_an_update_keeps_the_age_and_a_creation_takes_the_one_given() -> None:
    (step,) = run([record(A, size=1)], Write(A, document(size=2))).steps
    assert step.record is not None and (step.record.created_at, step.record.updated_at) == (100.0, 200.0)
    (step,) = run([], Write(A, document(), created_at=42.0, owner="shop")).steps
    assert step.record is not None and (step.record.created_at, step.record.owner) == (42.0, "shop")


@pytest.mark.parametrize(
    ("expected", "exists", "conflicts"),
    [(3, True, False), (2, True, True), (0, True, True), (0, False, False), (3, False, True)],
)
def test_expect_compares_the_revision_of_the_object(expected: int, exists: bool, conflicts: bool) -> None:
    planned = run([record(A)] if exists else [], Write(A, document(size=5)), expect={A: expected})
    refusal = planned.steps[0].result.refusal
    assert isinstance(refusal, Conflict) is conflicts
    assert planned.stopped is conflicts


def test_one_bad_object_stops_all_unless_partial_is_asked_for() -> None:
    writes = [Write(A, document()), Write(B, document())]
    refused = {A: Refusal("no such field")}
    stopped = run([], *writes, refused=refused)
    assert stopped.stopped and actions(stopped) == ["a rejected", "b created"]
    assert not run([], *writes, refused=refused, partial=True).stopped


def test_prune_deletes_what_the_owner_has_and_the_files_lack() -> None:
    current = [record(A, owner="shop"), record(B, owner="shop"), record(C, owner="other")]
    planned = run(current, Write(A, document()), owner="shop", prune=True)
    assert actions(planned) == ["a unchanged", "b deleted"]


def test_prune_never_deletes_what_is_named_but_wrong() -> None:
    planned = run([record(A, owner="shop")], Write(A, document(size=9)), owner="shop", prune=True, partial=True,
                  refused={A: Refusal("bad")})  # fmt: skip
    assert actions(planned) == ["a rejected"]


def test_prune_without_an_owner_deletes_nothing() -> None:
    assert actions(run([record(B)], Write(A, document()), prune=True)) == ["a created"]


def test_what_belongs_to_somebody_else_is_refused_with_a_hint() -> None:
    (step,) = run([record(A, owner="shop")], Write(A, document(size=2)), owner="other").steps
    assert step.result.refusal is not None and "belongs to owner 'shop'" in step.result.refusal.message


def test_what_belongs_to_nobody_is_taken_and_stays_when_no_owner_is_given() -> None:
    (step,) = run([record(A)], Write(A, document()), owner="shop").steps
    assert step.result.action == "configured" and step.record is not None and step.record.owner == "shop"
    (step,) = run([record(A, owner="shop", size=1)], Write(A, document(size=2))).steps
    assert step.record is not None and step.record.owner == "shop"


def test_an_object_written_twice_is_rejected_once() -> None:
    planned = run([], Write(A, document(size=1)), Write(A, document(size=2)), Write(B, document()))
    assert actions(planned) == ["a rejected", "b created"] and planned.stopped


wishes = st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(0, 2)), unique_by=lambda wish: wish[0])


@given(start=wishes, edit=wishes)
def test_apply_then_revert_gives_back_the_start(start: list[tuple[Ref, int]], edit: list[tuple[Ref, int]]) -> None:
    def after(current: dict[Ref, Record], writes: list[Write]) -> dict[Ref, Record]:
        result = dict(current)
        for step in plan(current, Request(writes), 7, 200.0).steps:
            if step.result.action == "deleted":
                del result[step.result.ref]
            elif step.record is not None:
                result[step.result.ref] = step.record
        return result

    first = {ref: record(ref, size=size) for ref, size in start}
    second = after(first, [Write(ref, document(size=size)) for ref, size in edit])
    back: list[Write] = [Write(ref, old.document, created_at=old.created_at) for ref, old in first.items()]
    back += [Write(ref, None) for ref in second if ref not in first]
    third = after(second, back)
    assert {ref: (r.document, r.created_at) for ref, r in third.items()} == {
        ref: (r.document, r.created_at) for ref, r in first.items()
    }


def test_a_way_back_brings_age_and_owner_also_to_what_was_made_again_since() -> None:
    (step,) = run([record(A, owner="new", size=1)], Write(A, document(size=1), None, 50.0, "shop")).steps
    assert step.record is not None and step.result.action == "configured"
    assert (step.record.created_at, step.record.owner, step.record.generation) == (50.0, "shop", 1)
    assert actions(run([record(A, size=1)], Write(A, document(size=1), None, 100.0))) == ["a unchanged"]
