"""`weft tap`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli import tap as command
from weft.cli.tap import Told, line, summary
from weft.client.tap import NotTapped, TappedRequest, TapState
from weft.client.types import EdgeEnd

STATE: dict[str, Any] = {"type": "state", "tapped": 1, "not_tapped": [], "unknown": [], "left_out": 0, "lost": 0}
REQUEST = {
    "type": "request", "at": 1_777_896_000.25, "id": "x",
    "source": {"service": "default/web", "workload": "default/web-0"},
    "destination": {"service": "default/reviews", "workload": "default/reviews-v2-0"}, "method": "GET",
    "path": "/reviews/1", "status": 200, "latency_ms": 3.24,
}  # fmt: skip


def text(*items: Any) -> str:
    return "".join(f"{json.dumps(item)}\n" for item in items)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.time, "localtime", command.time.gmtime)


def test_each_request_is_a_line_and_the_sum_goes_to_stderr(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/tap"] = text(STATE, REQUEST, REQUEST, REQUEST)
    done = weft("tap", "reviews", "--from", "shop/web", "--max", "2")
    shown = "12:00:00.250  200   3.2 ms  web → reviews-v2-0  GET /reviews/1"
    assert (done.status, done.lines, done.err) == (0, [shown, shown], "2 requests shown\n")
    assert controller.asked == [("GET", "/v1/tap?source=shop%2Fweb&destination=default%2Freviews", None)]


def test_a_filter_is_asked_for_as_it_is_meant(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/tap"] = text(REQUEST)
    weft("tap", "--method", "get", "--path", "/a", "--status", "5xx", "--reason", "no-route", "--min-latency",
         "1s500ms", "--query", "--max", "1")  # fmt: skip
    asked = "method=GET&path=%2Fa&status=5xx&reason=no-route&min_latency_ms=1500&query=true"
    assert controller.asked == [("GET", f"/v1/tap?{asked}", None)]


def test_documents_for_programs(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/tap"] = text(REQUEST)
    found = json.loads(weft("tap", "--max", "1", "-o", "json").out)
    assert (found["path"], found["source"]["service"], found["status"]) == ("/reviews/1", "default/web", 200)
    assert weft("tap", "--max", "1", "-o", "yaml").lines[0] == "---"


def test_ctrl_c_is_a_good_end(weft: Weft, controller: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    controller.answers["/v1/tap"] = text({**STATE, "left_out": 7}, REQUEST)
    monkeypatch.setattr(command, "_print", interrupted)
    done = weft("tap")
    assert done.status == 0 and done.err.endswith("0 requests shown; 7 left out: more fitted than may be sent\n")


def test_a_controller_that_ends_or_refuses_is_an_error(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/tap"] = text(STATE, REQUEST)
    done = weft("tap")
    assert done.status == 1 and "error: the controller has ended the tap" in done.err and len(done.lines) == 1
    controller.answers["/v1/tap"] = (400, {"error": "status is not a status", "hint": None, "problems": []})
    done = weft("tap", "--status", "9")
    assert (done.status, done.out, done.err) == (1, "", "error: status is not a status\n")
    assert weft("tap", "--min-latency", "5").status == 2
    del controller.answers["/v1/tap"]
    assert weft("tap").err == "error: this controller is older than taps\n\nhint: upgrade it\n"


def request(**more: Any) -> TappedRequest:
    ends = {"source": EdgeEnd("default/web"), "destination": EdgeEnd("default/api", workload="default/api-0")}
    return TappedRequest(**{"at": 0.0, "id": "", **ends, "method": "GET", "path": "/", "status": 200, **more})


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (request(), "web → api-0  GET /"),
        (request(source=EdgeEnd()), "(unmeshed) → api-0  GET /"),
        (request(source=EdgeEnd(workload="default/job-0")), "job-0 → api-0  GET /"),
        (request(source=EdgeEnd("shop/web")), "shop/web → api-0  GET /"),
        (request(destination=EdgeEnd("default/api"), reason="no-route"), "web → api  GET /  no-route"),
        (request(destination=EdgeEnd(), authority="example.com"), "web → example.com  GET /"),
        (request(retries=1), "web → api-0  GET /  1 retry"),
        (request(retries=2, reason="connect-failed"), "web → api-0  GET /  2 retries  connect-failed"),
    ],
)
def test_a_line_says_from_whom_to_whom_and_what_was_unusual(given: TappedRequest, shown: str) -> None:
    assert line(given, "default") == f"00:00:00.000  200   0.0 ms  {shown}"


def test_widths_stay() -> None:
    table = [(None, 0.1, "  -   0.1 ms"), (503, 99.94, "503  99.9 ms"), (200, 12_340, "200  12.34 s")]
    for status, latency, shown in table:
        assert line(request(status=status, latency_ms=latency), "default")[14:].startswith(shown), shown


def test_a_strangers_path_does_not_steer_the_terminal(weft: Weft, controller: Fake) -> None:
    state = {**STATE, "not_tapped": [{"workload": "default/old-0", "why": "it is\x1b]0;x\x07 older"}]}
    controller.answers["/v1/tap"] = text(state, {**REQUEST, "path": "/\x1b[2J\n\x9b→ é"})
    done = weft("tap", "--max", "1")
    assert done.lines[0].endswith("GET /?[2J ?→ é") and "it is?]0;x? older" in done.err
    assert "\x9b" not in weft("tap", "--max", "1", "-o", "json").out


def test_what_is_not_shown_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = Told()
    old = tuple(NotTapped(f"default/old-{number}", "it is older") for number in range(7))
    state = TapState(1, old, ("default/nobody",), 5, 2)
    told.hear(state)
    told.hear(state)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "there is no service and no workload default/nobody yet"
    assert lines[1] == "not tapped: default/old-0: it is older" and lines[6] == "not tapped: 2 more"
    assert lines[7].startswith("more requests fit") and lines[8].startswith("some requests are lost")
    assert len(lines) == 9
    told.hear(TapState(0, (*old, NotTapped("default/new-0", "why"))))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("no proxy can be tapped") and lines[1:] == ["not tapped: default/new-0: why"]


def test_the_sum_says_what_is_missing() -> None:
    assert summary(1, TapState(1)) == "1 request shown"
    assert summary(0, TapState(1, lost=3, left_out=2)) == (
        "0 requests shown; 2 left out: more fitted than may be sent; 3 lost: read too slowly"
    )
