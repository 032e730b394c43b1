import os
import socket
from collections.abc import Iterator

import pytest

from weft.resources.expand import expand_text
from weft.run import ports
from weft.run.ports import Taken, refuse_taken, wanted


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_port_in_use_is_refused_with_its_holder(taken: str) -> None:
    with pytest.raises(Taken, match=rf"{taken} is in use by .* \(pid {os.getpid()}\): the test needs it"):
        refuse_taken({taken: "the test"})


def test_a_holder_that_cannot_be_seen_is_left_out(taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "holder", lambda port, host: None)
    with pytest.raises(Taken, match=r"is in use: the test needs it") as refused:
        refuse_taken({taken: "the test"})
    assert "`ss -ltnp` as root" in str(refused.value.hint)


def test_what_is_free_or_wrong_in_another_way_passes(taken: str) -> None:
    refuse_taken({"127.0.0.1:0": "a", "[::1]:0": "b", "192.0.2.1:80": "an address of somebody else"})


def test_published_and_listening_ports_are_fixed() -> None:
    expanded = expand_text("services: {a: {run: x, port: 80, listen: 8000}, b: {run: y, port: 80}}")
    assert wanted(expanded, {"127.0.0.1:8080": None}) == {
        "127.0.0.1:8080": "what is published there",
        "127.0.0.1:8000": "`listen` of a-0",
    }
