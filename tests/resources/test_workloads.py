"""What one service becomes is in `test_expand.py`; here is what makes one wait for another."""

import pytest

from weft.resources.expand import expand_text
from weft.resources.weftfile import WeftFile
from weft.resources.workloads import names

DB = "db: {run: x, port: 1, replicas: 2}"


@pytest.mark.parametrize(
    ("written", "after"),
    [
        ("[db]", {"db-0": "service_healthy", "db-1": "service_healthy"}),
        ("{db: }", {"db-0": "service_healthy", "db-1": "service_healthy"}),
        ("{db: service_started}", {"db-0": "service_started", "db-1": "service_started"}),
        ("{db: {condition: service_started}}", {"db-0": "service_started", "db-1": "service_started"}),
    ],
)
def test_who_depends_on_a_service_waits_for_all_its_processes(written, after):
    _, _, plan = expand_text(f"services: {{{DB}, a: {{run: x, depends_on: {written}}}}}").workloads
    assert plan.after == after


def test_a_start_period_is_for_the_start_only():
    text = "services: {a: {run: x, port: 80, health: {http: /h, interval: 2s, start_period: 90s}}}"
    expanded = expand_text(text)
    (plan,) = expanded.workloads
    assert (plan.start_period_ms, plan.health.interval) == (90_000, 2000)
    assert expanded.resources[0].to_dict()["spec"]["health"] == {"http": "/h", "interval": "2s"}


def test_processes_have_the_names_of_their_plans():
    text = {"services": {"a": {"run": "x", "port": 80, "replicas": 2, "versions": {"v1": {}, "v2": {"replicas": 0}}}}}
    assert list(names(WeftFile.model_validate(text), "a")) == ["a-v1-0", "a-v1-1"]


def test_a_version_may_run_on_another_machine_than_its_service():
    text = "services: {a: {run: x, port: 80, machine: b, versions: {v1: {}, v2: {machine: c}}}, d: {run: x}}"
    expanded = expand_text(text)
    assert [(plan.name, plan.machine) for plan in expanded.workloads] == [("a-v1-0", "b"), ("a-v2-0", "c"), ("d-0", "")]
    assert expanded.machines == ("b", "c")
    assert [plan.name for plan in expanded.on("c").workloads] == ["a-v2-0"]
    assert [plan.name for plan in expanded.on("").workloads] == ["d-0"]
    assert expanded.on("c").resources == expanded.resources
