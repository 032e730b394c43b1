import pytest

from weft.run.loopback import Target
from weft.run.order import stop_order
from weft.run.spec import Spec


def spec(name: str, *calls: str, publish: str = "") -> Spec:
    published = {"127.0.0.1:1": Target(f"default/{publish}", 80)} if publish else {}
    serves = "" if publish else f"default/{name.partition('-')[0]}"
    targets = tuple(Target(f"default/{call}", 80) for call in calls)
    return Spec(name, service=serves, calls=targets, publish=published)


@pytest.mark.parametrize(
    ("specs", "names"),
    [
        ([], []),
        ([spec("c"), spec("a", "b"), spec("b", "c")], [["a"], ["b"], ["c"]]),
        ([spec("a", "c"), spec("b", "c"), spec("c")], [["a", "b"], ["c"]]),
        ([spec("a", "b"), spec("edge", publish="a"), spec("b")], [["edge"], ["a"], ["b"]]),
        ([spec("a", "b"), spec("b", "a"), spec("c", "a")], [["c"], ["a", "b"]]),
        ([spec("a-0", "a"), spec("a-1", "a")], [["a-0", "a-1"]]),
    ],
)
def test_callers_stop_before_whom_they_call(specs: list[Spec], names: list[list[str]]) -> None:
    assert [[spec.name for spec in group] for group in stop_order(specs)] == names
