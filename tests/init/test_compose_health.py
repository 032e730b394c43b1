from typing import Any

import pytest

from weft.init.compose_health import health, milliseconds
from weft.resources.expand import expand_text


@pytest.mark.parametrize(
    ("check", "written"),
    [
        ({}, None),
        ({"disable": True, "test": "curl http://localhost/"}, None),
        ({"test": ["NONE"]}, None),
        ({"test": ["CMD", "curl", "-f", "http://localhost:80/healthz"]}, "/healthz"),
        ({"test": ["CMD-SHELL", "curl -f http://localhost || exit 1"]}, "/"),
        ({"test": "wget -qO- 'http://127.0.0.1/ready?deep=1' | grep ok"}, "/ready?deep=1"),
        ({"test": ["CMD", "wget", "http://localhost:81/h"]}, {"http": "/h", "port": 81}),
        ({"test": ["CMD", "nc", "-z", "localhost", "80"]}, {"tcp": True}),
        ({"test": "nc -z localhost 81"}, {"tcp": True, "port": 81}),
        ({"test": "bash -c '</dev/tcp/localhost/80'"}, {"tcp": True}),
        (
            {"test": "curl http://localhost/h", "interval": "1m30s", "timeout": "1.5s", "retries": 4},
            {"http": "/h", "interval": "1m30s", "timeout": "1s500ms", "fall": 4},
        ),
        # Ours ends it afterwards, so that less than usual would be a new failure.
        ({"test": "curl http://localhost/h", "start_period": "10s"}, "/h"),
        ({"test": "curl http://localhost/h", "start_period": "3m"}, {"http": "/h", "start_period": "3m"}),
    ],
)
def test_what_curl_and_wget_ask_weft_asks(check: dict[str, Any], written: Any) -> None:
    said = list[str]()
    found = health(check, [80, 81], lambda field, why: said.append(why))
    assert (found, said) == (written, [])


@pytest.mark.parametrize(
    ("check", "written", "says"),
    [
        ({"test": ["CMD", "pg_isready"]}, {"tcp": True}, "runs no command"),
        ({"test": ["/check.sh"]}, {"tcp": True}, "runs no command"),
        ({"test": "curl -k https://localhost/"}, {"tcp": True}, "in clear"),
        ({"test": "curl http://localhost/h", "timeout": "30s"}, {"http": "/h", "timeout": "10s"}, "as the interval"),
        ({"test": "curl http://localhost/h", "start_interval": "1s"}, "/h", "asks often"),
    ],
)
def test_what_it_cannot_ask_is_said(check: dict[str, Any], written: Any, says: str) -> None:
    said = list[str]()
    assert health(check, [80], lambda field, why: said.append(why)) == written
    assert len(said) == 1 and says in said[0]
    assert expand_text(f"services: {{a: {{run: x, port: 80, health: {written!r}}}}}".replace("True", "true")).ok


def test_who_serves_nothing_has_no_health() -> None:
    assert health({"test": "curl http://localhost/"}, [], lambda field, why: None) is None


@pytest.mark.parametrize(
    ("text", "ms"), [("10s", 10_000), ("1h2m3s", 3_723_000), ("500ms", 500), ("1.5s", 1500), ("ten", 0), ("10", 0)]
)
def test_durations_are_those_of_go(text: str, ms: int) -> None:
    assert milliseconds(text) == ms
