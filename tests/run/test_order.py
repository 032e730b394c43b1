import pytest

from weft.run.loopback import Target
from weft.run.order import start_order, startable, stop_order
from weft.run.spec import Spec


def spec(name: str, *calls: str, publish: str = "", after: dict[str, str] | None = None) -> Spec:
    published = {"127.0.0.1:1": Target(f"default/{publish}", 80)} if publish else {}
    serves = "" if publish else f"default/{name.partition('-')[0]}"
    targets = tuple(Target(f"default/{call}", 80) for call in calls)
    return Spec(name, service=serves, calls=targets, publish=published, after=after or {})


@pytest.mark.parametrize(
    ("specs", "names"),
    [
        ([], []),
        ([spec("c"), spec("a", "b"), spec("b", "c")], [["a"], ["b"], ["c"]]),
        ([spec("a", "c"), spec("b", "c"), spec("c")], [["a", "b"], ["c"]]),
        ([spec("a", "b"), spec("edge", publish="a"), spec("b")], [["edge"], ["a"], ["b"]]),
        ([spec("a", "b"), spec("b", "a"), spec("c", "a")], [["c"], ["a", "b"]]),
        ([spec("a-0", "a"), spec("a-1", "a")], [["a-0", "a-1"]]),
        ([spec("b"), spec("a", after={"b": "service_started"})], [["a"], ["b"]]),
        ([spec("b", "a"), spec("a", after={"b": "service_started"})], [["b", "a"]]),
    ],
)
def test_callers_stop_before_whom_they_call(specs: list[Spec], names: list[list[str]]) -> None:
    assert [[spec.name for spec in group] for group in stop_order(specs)] == names


@pytest.mark.parametrize(
    ("after", "started", "unready", "free"),
    [
        ({}, set(), set(), True),
        ({"b": "service_started"}, set(), set(), False),
        ({"b": "service_started"}, {"b"}, {"b"}, True),
        ({"b": "service_healthy"}, set(), set(), False),
        ({"b": "service_healthy"}, {"b"}, {"b"}, False),
        ({"b": "service_healthy"}, {"b"}, {"c"}, True),
        ({"b": "service_healthy", "c": "service_started"}, {"b"}, set(), False),
    ],
)
def test_who_depends_starts_when_its_conditions_are_true(
    after: dict[str, str], started: set[str], unready: set[str], free: bool
) -> None:
    assert bool(startable([spec("a", after=after)], started, unready)) is free


@pytest.mark.parametrize(
    ("specs", "names"),
    [
        ([], []),
        ([spec("b"), spec("a")], ["b", "a"]),
        ([spec("a", after={"b": "x"}), spec("b", after={"c": "x"}), spec("c")], ["c", "b", "a"]),
        # Whom a restart is not about, nobody waits for.
        ([spec("a", after={"b": "x"})], ["a"]),
    ],
)
def test_each_starts_after_what_it_depends_on(specs: list[Spec], names: list[str]) -> None:
    assert [spec.name for spec in start_order(specs)] == names
