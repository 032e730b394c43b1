from collections.abc import Iterator

import httpx
import pytest

from weft.client import rest
from weft.client.rest import DEFAULT_ADDRESS, ControllerUnreachable, MeshError, NotFound, Rest, controller_address


def answering(*answers: tuple[int, object]) -> Rest:
    """In turn; the last one for ever."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(status, json=body)

    return Rest(DEFAULT_ADDRESS, transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        (None, None, DEFAULT_ADDRESS),
        (None, "192.0.2.1:15080", "http://192.0.2.1:15080"),
        ("http://192.0.2.2:1/", "192.0.2.1:15080", "http://192.0.2.2:1"),
        ("https://mesh.example", None, "https://mesh.example"),
    ],
)
def test_the_flag_wins_over_the_environment_over_the_default(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str | None, expected: str
) -> None:
    monkeypatch.delenv("WEFT_CONTROLLER", raising=False)
    if environment:
        monkeypatch.setenv("WEFT_CONTROLLER", environment)
    assert controller_address(given) == expected


@pytest.mark.parametrize("given", ["ftp://a", "http://", "unix:///a"])
def test_what_is_no_address_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(MeshError, match="not a controller address") as caught:
        controller_address(given)
    assert caught.value.hint == "write it like http://127.0.0.1:15080"


def test_an_absent_controller_says_how_to_start_one() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused", request=request)

    rest = Rest(DEFAULT_ADDRESS, transport=httpx.MockTransport(refuse))
    with pytest.raises(ControllerUnreachable, match="no controller answers at http://127.0.0.1:15080") as caught:
        rest.get("/v1/health")
    assert caught.value.hint is not None
    assert "weft controller" in caught.value.hint


def test_a_silent_controller_is_told_from_an_absent_one() -> None:
    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    with pytest.raises(ControllerUnreachable, match="did not answer within 30 s"):
        Rest(DEFAULT_ADDRESS, transport=httpx.MockTransport(hang)).get("/v1/health")


def test_something_that_hangs_up_is_not_an_absent_controller() -> None:
    def hang_up(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("Server disconnected", request=request)

    with pytest.raises(MeshError, match="broke off the answer") as caught:
        Rest(DEFAULT_ADDRESS, transport=httpx.MockTransport(hang_up)).get("/v1/health")
    assert not isinstance(caught.value, ControllerUnreachable)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "LOOK_EVERY_S", 0.0)


def test_a_starting_controller_is_waited_for(impatient: None) -> None:
    starting = (503, {"status": "starting"})
    assert answering(starting, starting, (200, {"status": "ok"})).get("/v1/health") == {"status": "ok"}


def test_one_that_never_starts_is_given_up(monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    monkeypatch.setattr(rest, "STARTING_S", 0.0)
    with pytest.raises(MeshError, match="the controller is still starting after 0 s"):
        answering((503, {"status": "starting"})).get("/v1/health")


def test_a_refusal_carries_hint_and_problems_of_the_answer_and_of_its_results() -> None:
    body = {
        "error": "1 resource is wrong",
        "hint": "fix it",
        "problems": [],
        "results": [
            {"ref": "Service/default/a", "action": "unchanged", "problems": []},
            {
                "ref": "HTTPRoute/default/b",
                "action": "rejected",
                "problems": [{"message": "no such backend", "origin": {"file": "b.yaml", "line": 3}}],
            },
        ],
    }
    with pytest.raises(MeshError) as caught:
        answering((422, body)).post("/v1/apply", {})
    error = caught.value
    assert (error.message, error.hint, error.status) == ("1 resource is wrong", "fix it", 422)
    assert [(p.ref, str(p)) for p in error.problems] == [("HTTPRoute/default/b", "b.yaml:3: no such backend")]


def test_404_has_a_class_of_its_own() -> None:
    with pytest.raises(NotFound, match="no Service/default/a"):
        answering((404, {"error": "no Service/default/a", "hint": None, "problems": []})).get("/v1/x")


def test_something_else_on_the_port_is_recognised() -> None:
    html = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>"))
    with pytest.raises(MeshError, match="does not answer like a weft controller"):
        Rest(DEFAULT_ADDRESS, transport=html).get("/v1/health")


@pytest.mark.parametrize(("token", "sent"), [("secret\n", "Bearer secret"), (None, None)])
def test_the_token_goes_along_when_there_is_one(
    monkeypatch: pytest.MonkeyPatch, token: str | None, sent: str | None
) -> None:
    monkeypatch.delenv("WEFT_REST_TOKEN", raising=False)
    seen: list[str | None] = []

    def record(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json={})

    Rest(DEFAULT_ADDRESS, token, httpx.MockTransport(record)).get("/v1/health")
    assert seen == [sent]


def test_what_is_not_given_is_not_sent() -> None:
    seen: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    rest = Rest(DEFAULT_ADDRESS, transport=httpx.MockTransport(record))
    rest.get("/v1/status", {"kind": None, "name": "a"})
    rest.post("/v1/apply", {"owner": None, "documents": []})
    assert str(seen[0].url) == f"{DEFAULT_ADDRESS}/v1/status?name=a"
    assert seen[1].content == b'{"documents":[]}'


def test_lines_come_one_by_one_and_a_refusal_is_an_error() -> None:
    body = httpx.ByteStream(b"one\ntwo\n")
    endless = Rest(DEFAULT_ADDRESS, transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=body)))
    assert list(endless.lines("/v1/tap", {"path": "/a", "method": None})) == ["one", "two"]
    refused = answering((400, {"error": "status is not a status", "hint": "503"}))
    with pytest.raises(MeshError, match="status is not a status") as caught:
        next(refused.lines("/v1/tap"))
    assert (caught.value.hint, caught.value.status) == ("503", 400)


def test_lines_that_break_off_are_an_error() -> None:
    def breaks() -> Iterator[bytes]:
        yield b"one\n"
        raise httpx.ReadError("reset")

    body = IteratorStream(breaks())
    rest = Rest(DEFAULT_ADDRESS, transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=body)))
    lines = rest.lines("/v1/tap")
    assert next(lines) == "one"
    with pytest.raises(MeshError, match="broke off"):
        next(lines)


class IteratorStream(httpx.SyncByteStream):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks
