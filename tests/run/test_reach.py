import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from weft.run.controller import Failed
from weft.run.reach import _failed, is_here, is_loopback, refuse_unreachable, seen_from, split

HOST = "127.61.18.4"


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server((HOST, 0)) as server:
        yield f"{HOST}:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("192.0.2.1:15010", ("192.0.2.1", 15010)),
        ("[2001:db8::1]:1", ("2001:db8::1", 1)),
        ("mesh.example.com:2", ("mesh.example.com", 2)),
    ],
)
def test_an_address_has_two_parts(text: str, parts: tuple[str, int]) -> None:
    assert split(text) == parts


def test_loopback_is_no_address_for_others() -> None:
    found = {host: is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "192.0.2.1", "mesh.example.com")}
    assert found == {"127.0.0.1": True, "::1": True, "localhost": True, "192.0.2.1": False, "mesh.example.com": False}


def test_an_address_is_here_when_it_can_be_listened_on() -> None:
    assert is_here(HOST) and not is_here("192.0.2.1") and not is_here("2001:db8::1")


def test_the_other_side_sees_the_address_that_it_is_asked_from() -> None:
    assert seen_from("127.0.0.1:9") == "127.0.0.1"


def test_who_answers_is_reached(listening: str) -> None:
    accepting = threading.Thread(target=refuse_unreachable, args=([listening],))
    accepting.start()
    accepting.join()
    refuse_unreachable([])


def test_nobody_there_is_said_with_what_to_look_at(listening: str) -> None:
    with socket.create_server((HOST, 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Failed, match=f"at {HOST}:{port} cannot be reached: connection refused") as caught:
        refuse_unreachable([listening, f"{HOST}:{port}"])
    assert "is `weft up` running there" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("error", "says", "hint"),
    [
        (TimeoutError(), "no answer within 5 s", "does a firewall drop TCP to port 15011?"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no route to host", "this machine in its network"),
        (socket.gaierror(-2, "Name or service not known"), "name or service not known", "is that its address"),
    ],
)
def test_each_way_of_not_being_reached_has_its_advice(error: OSError, says: str, hint: str) -> None:
    failed = _failed("192.0.2.1:15011", error)
    assert says in failed.message and hint in str(failed.hint)
