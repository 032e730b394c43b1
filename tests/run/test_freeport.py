import socket

from weft.run.freeport import free_port
from weft.run.ports import is_free


def test_what_is_wanted_is_taken_where_it_is_free() -> None:
    port = free_port(0, 2)
    assert is_free(f"127.0.0.1:{port}") and is_free(f"127.0.0.1:{port + 1}")
    assert free_port(port, 2) == port


def test_else_the_system_chooses() -> None:
    port = free_port(0, 2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + 1))
        taken.listen()
        found = free_port(port, 2)
        assert found != port
        assert free_port(port) == port


def test_the_last_port_has_no_neighbour() -> None:
    assert free_port(65535, 2) < 65535
