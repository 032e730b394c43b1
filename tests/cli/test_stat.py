import json
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli.edges import By
from weft.cli.stat import CLEAR, Asked, page, watch
from weft.mesh import Mesh

NUMBERS = {"requests": 20, "success_rate": 0.95, "p50_ms": 1.5, "p95_ms": 3.25, "p99_ms": 9.0}


def signals(service: str, rate: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"of": {"service": f"default/{service}"}, "requests_per_second": rate, **NUMBERS, **more}


def edge(source: str, destination: str) -> dict[str, Any]:
    ends = {"source": {"service": f"default/{source}"}, "destination": {"service": f"default/{destination}"}}
    return {**ends, "tls": "mtls", "requests_per_second": 2.0, **NUMBERS}


@pytest.fixture(autouse=True)
def traffic(controller: Fake) -> None:
    tcp = {"of": {"service": "default/kv"}, "connections": 3}
    controller.answers["/v1/signals"] = {"signals": [signals("web", 1.0), signals("api", 12.5), tcp]}
    controller.answers["/v1/edges"] = {"edges": [edge("web", "api"), edge("api", "kv"), edge("edge", "web")]}


def test_one_line_per_service(weft: Weft, controller: Fake) -> None:
    done = weft("stat", "--seconds", "10", "--by", "version")
    assert done.lines[0] == "SERVICE      RATE/S  SUCCESS  P50 MS  P95 MS  P99 MS  CONNS"
    assert done.lines[1].split() == ["default/web", "1.0", "95.0", "%", "1.5", "3.2", "9.0", "-"]
    assert done.lines[3].split() == ["default/kv", "0.0", "-", "-", "-", "-", "3"]
    assert max(map(len, done.lines)) <= 80
    assert controller.asked[0][1] == "/v1/signals?seconds=10&by=version"


def test_one_line_per_edge(weft: Weft) -> None:
    done = weft("stat", "--edges", "web")
    assert [line.split()[:3] for line in done.lines[1:]] == [
        ["default/web", "default/api", "mTLS"],
        ["default/edge", "default/web", "mTLS"],
    ]
    assert max(map(len, done.lines)) <= 80


def test_one_service(weft: Weft) -> None:
    assert [line.split()[0] for line in weft("stat", "api").lines[1:]] == ["default/api"]
    assert weft("stat", "nobody").err == "no traffic in the last 60 s\n"


def test_json_has_every_number(weft: Weft) -> None:
    first = json.loads(weft("stat", "-o", "json").out)[0]
    assert (first["of"]["service"], first["p95_ms"], first["retries"]) == ("default/web", 3.25, 0)


def test_top_without_a_terminal_is_printed_once_the_busiest_first(weft: Weft) -> None:
    done = weft("top")
    assert done.lines[0].endswith("last 10 s: 13.5 requests/s")
    assert [line.split()[0] for line in done.lines[3:]] == ["default/api", "default/web", "default/kv"]
    assert "\x1b" not in done.out


def test_top_without_traffic_says_so(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/signals"] = {"signals": []}
    assert weft("top", "--once").lines[2] == "no traffic"


def asked(edges: bool = False) -> Asked:
    return Asked(None, 10, By.SERVICE, edges, None)


def test_a_page_never_scrolls() -> None:
    with Mesh.connect() as mesh:
        shown = page(mesh, asked(), 5).splitlines()
    assert len(shown) == 5 and shown[-1] == "… and 2 more"


def test_each_look_takes_the_place_of_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    looks = iter([None, None])

    def pause() -> None:
        if next(looks, "over") == "over":
            raise KeyboardInterrupt

    with Mesh.connect() as mesh, pytest.raises(KeyboardInterrupt):
        watch(mesh, asked(edges=True), pause)
    assert capsys.readouterr().out.count(CLEAR) == 3


def test_a_narrow_terminal_keeps_a_line_a_row(
    controller: Fake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    controller.answers["/v1/signals"] = {"signals": [signals("a-service-with-a-long-name")]}
    monkeypatch.setenv("COLUMNS", "20")

    def pause() -> None:
        raise KeyboardInterrupt

    with Mesh.connect() as mesh, pytest.raises(KeyboardInterrupt):
        watch(mesh, asked(), pause)
    lines = capsys.readouterr().out.removeprefix(CLEAR).splitlines()
    assert lines[3] == "default/a-service-w…" and {len(line) for line in lines} <= {0, 20}


def test_a_terminal_that_cannot_go_back_is_told_once(
    weft: Weft, controller: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller.answers["/v1/signals"] = {"signals": [signals("reviews")]}
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    done = weft("top")
    assert done.status == 0 and "\x1b" not in done.out and "default/reviews" in done.out


def test_a_controller_that_went_is_looked_for_again(capsys: pytest.CaptureFixture[str]) -> None:
    def pause() -> None:
        raise KeyboardInterrupt

    with Mesh.connect("http://127.0.0.1:9") as mesh, pytest.raises(KeyboardInterrupt):
        watch(mesh, asked(), pause)
    assert "no controller answers at http://127.0.0.1:9" in capsys.readouterr().out
