import json
from typing import Any

import pytest

from tests.cli.conftest import Weft
from weft.cli.demo import summary
from weft.demo.demo import Shown
from weft.demo.measure import MeasuredEdge, Report
from weft.demo.people import Seen

SEEN = Seen(sessions=93, requests=1000, p50_ms=4.1, p99_ms=75.6)
EDGES = (
    MeasuredEdge("default/gateway", "default/storefront", 246, 1.0, 6.1, 97.1, "mtls", True),
    MeasuredEdge("default/orders", "default/store", 66, None, None, None, "mtls", True),
)
REPORT = Report(1000, 1.0, EDGES, {"default/reviews": {"v2": 3, "v1": 1}}, 12, 2, 1)

TABLE = """\
30 s: 93 people, 1000 requests, 100 % as they should be (p50 4.1 ms, p99 75.6 ms)

FROM     TO          TLS   REQUESTS  SUCCESS  P50 MS  P99 MS
gateway  storefront  mTLS  246       100.0 %  6.1     97.1
orders   store       mTLS  66        -        -       -

versions   reviews v1 1, v2 3
retries    12 requests saved by another try
ejections  2 of replicas that failed too often
refused    1 request of callers whom nobody allowed
"""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Shown]:
    """The last of them is what a demo ends with."""
    found = [Shown(0, SEEN, REPORT)]

    async def run(wish: Any, *_: Any) -> Shown:
        assert (wish.duration, wish.seed, wish.rate) == (30, 1, 3)
        return found[-1]

    monkeypatch.setattr("weft.demo.demo.run", run)
    monkeypatch.setattr("weft.demo.place.own_python_first", lambda: None)
    return found


def test_the_summary_reads_well() -> None:
    assert summary(REPORT, SEEN, 30) == TABLE


def test_json_is_one_document(weft: Weft, shown: list[Shown]) -> None:
    done = weft("demo", "--duration", "30", "-o", "json")
    assert done.status == 0
    document = json.loads(done.out)
    keys = "requests success_rate edges versions retries_saved ejections refused"
    assert list(document) == keys.split()
    assert document["edges"][1] == {
        "source": "default/orders",
        "destination": "default/store",
        "requests": 66,
        "success_rate": None,
        "p50_ms": None,
        "p99_ms": None,
        "tls": "mtls",
        "meshed": True,
    }


def test_users_who_saw_failures_are_a_failure(weft: Weft, shown: list[Shown]) -> None:
    failed = Seen(requests=1000, failed=2, failures=("GET /: 503 no-endpoints",))
    shown.append(Shown(0, failed, Report(1000, 0.998)))
    done = weft("demo", "--duration", "30", "-o", "json")
    assert done.status == 1
    assert json.loads(done.out)["success_rate"] == 0.998
    assert "failed: GET /: 503 no-endpoints\nerror: people saw 99.80 % of their requests succeed" in done.err
    assert "\n\nhint: " in done.err


def test_an_edge_in_clear_is_a_failure(weft: Weft, shown: list[Shown]) -> None:
    edge = MeasuredEdge("default/a", "default/b", 1, 1.0, 1.0, 1.0, "plaintext", True)
    shown.append(Shown(0, SEEN, Report(1000, 1.0, (edge,))))
    done = weft("demo", "--duration", "30")
    assert (done.status, "error: not encrypted: default/a → default/b" in done.err) == (1, True)


@pytest.mark.parametrize(("status", "passed_on"), [(0, 130), (1, 1)])
def test_a_run_that_ended_early_is_no_success(weft: Weft, shown: list[Shown], status: int, passed_on: int) -> None:
    shown.append(Shown(status, SEEN))
    done = weft("demo", "--duration", "30")
    assert (done.status, done.out) == (passed_on, "")


def test_output_is_of_a_measurement(weft: Weft) -> None:
    done = weft("demo", "-o", "json")
    assert done.status == 2
    assert done.err == "error: -o needs --duration\n\nhint: weft demo --duration 30 -o json\n"
