"""Callees, names and local ports are in `test_expand.py` and `test_weftfile.py`: what people see of them."""

import pytest

from weft.resources.expand import expand_text


def complaints(*services):
    text = "services:\n" + "".join(f"  {service}\n" for service in services)
    return [str(problem) for problem in expand_text(text, "w.yaml").problems]


@pytest.mark.parametrize(
    ("services", "says"),
    [
        (["a: {run: x, depends_on: [bb]}", "b: {run: x}"], "w.yaml:2:27: there is no service 'bb' to depend on here"),
        (
            ["a: {run: x, depends_on: [b]}", "b: {port: 1, endpoints: [{address: 127.0.0.1}]}"],
            "w.yaml:2:27: weft does not run b, so that nothing can wait for it\n\nhint: remove b from depends_on",
        ),
        (["a: {run: x, depends_on: [a]}"], "w.yaml:2:15: services.a.depends_on is circular: a → a: nobody could start"),
        (
            [
                "z: {run: x, depends_on: [c]}",
                "a: {run: x, depends_on: [b]}",
                "b: {run: x, depends_on: {c: service_started}}",
                "c: {run: x, depends_on: [a]}",
            ],
            "w.yaml:3:15: services.a.depends_on is circular: a → b → c → a: nobody could start\n\nhint: remove one",
        ),
    ],
)
def test_nobody_waits_in_vain(services, says):
    (found,) = complaints(*services)
    assert found.startswith(f"error: {says}")


def test_two_circles_are_two_problems():
    services = [f"{a}: {{run: x, depends_on: [{b}]}}" for a, b in ("ab", "ba", "cd", "dc")]
    assert [line.partition("circular: ")[2].partition(":")[0] for line in complaints(*services)] == [
        "a → b → a",
        "c → d → c",
    ]


def test_two_ways_to_one_place_are_no_circle():
    assert complaints("a: {run: x, depends_on: [b, c]}", "b: {run: x, depends_on: [c]}", "c: {run: x}") == []


def test_a_long_chain_is_no_trouble():
    chain = [f"s{i}: {{run: x, depends_on: [s{i + 1}]}}" for i in range(2000)]
    assert complaints(*chain, "s2000: {run: x}") == []


def test_a_port_is_one_machines():
    services = ["a: {run: x, port: 80, listen: 8000}", "b: {run: x, port: 80, listen: 8000, machine: far}"]
    assert complaints(*services) == []
    assert len(complaints(*services, "c: {run: x, port: 80, listen: 8000, machine: far}")) == 1


def test_nobody_waits_for_another_machine():
    far = "b: {run: x, port: 80, machine: far}"
    (found,) = complaints("a: {run: x, depends_on: [b]}", far)
    assert found == (
        "error: w.yaml:2:27: b runs on another machine than a, and is not waited for\n\n"
        "hint: remove it; calls: [b] needs no order"
    )
    assert complaints("a: {run: x, depends_on: [b], machine: far}", far) == []


def test_the_edge_is_called_like_no_service():
    (found,) = expand_text("edge: web\nservices: {web: {run: x, port: 80}}\n", "w.yaml").problems
    assert str(found).startswith("error: w.yaml:1:7: edge: web is the name of a service\n\nhint: rename one of the two")
    assert expand_text("edge: gate\nservices: {web: {run: x, port: 80}}\n").edge == "gate"
