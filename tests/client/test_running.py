"""What runs, as the controller tells of it."""

import dataclasses
import json

from weft.client.decode import decode
from weft.client.running import Rejection, Sync, Workload, WorkloadPort


def test_asdict_gives_the_json_back() -> None:
    sync = Sync(True, rejected=(Rejection("Frontend", "f", missing=("route.method",)),))
    workload = Workload("default/a-0", ports=(WorkloadPort(80, "192.0.2.1", 4711),), sync=sync, clock_ahead_s=-0.5)
    assert decode(Workload, json.loads(json.dumps(dataclasses.asdict(workload)))) == workload


def test_what_an_older_controller_does_not_tell_is_not_known() -> None:
    assert decode(Workload, {"name": "default/a-0"}) == Workload("default/a-0")
    assert Workload("default/a-0").clock_ahead_s is None
