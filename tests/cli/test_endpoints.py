import json

import pytest

from tests.cli.conftest import Fake, Weft

ENDPOINTS = [
    {
        "service": "default/db",
        "port": 5432,
        "address": "192.0.2.7:5432",
        "health": "unhealthy",
        "source": "dns db.example.com",
        "seconds": 75.0,
        "stale": True,
        "answers": False,
        "problem": "db.example.com A: SERVFAIL",
    },
    {"service": "default/web", "port": 80, "address": "[::1]:4711", "health": "healthy", "source": "registered"},
]


@pytest.fixture(autouse=True)
def known(controller: Fake) -> None:
    controller.answers["/v1/endpoints"] = {"endpoints": ENDPOINTS}


def test_a_table_says_where_from_how_old_and_how_well(weft: Weft, controller: Fake) -> None:
    head, first, second = weft("get", "endpoints").lines
    assert head.split() == ["SERVICE", "ADDRESS", "VERSION", "HEALTH", "SEEN", "SOURCE"]
    for word in ("default/db:5432", "192.0.2.7:5432", "unhealthy (stale, does not answer)", "75s ago"):
        assert word in first
    assert first.endswith("dns db.example.com: db.example.com A: SERVFAIL")
    assert second.split() == ["default/web:80", "[::1]:4711", "-", "healthy", "-", "registered"]
    assert controller.asked[-1][1] == "/v1/endpoints"


def test_those_of_one_service_as_json(weft: Weft, controller: Fake) -> None:
    found = json.loads(weft("get", "endpoints", "db", "-n", "shop", "-o", "json").out)
    assert [(each["address"], each["stale"]) for each in found] == [("192.0.2.7:5432", True), ("[::1]:4711", False)]
    assert controller.asked[-1][1] == "/v1/endpoints?service=shop%2Fdb"


def test_none_is_said(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/endpoints"] = {"endpoints": []}
    done = weft("get", "endpoint", "db")
    assert (done.status, done.out) == (0, "")
    assert "no endpoints of default/db" in done.err
