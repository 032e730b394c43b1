import socket

from bench import machine


def test_ports_are_distinct_and_below_the_range_of_clients() -> None:
    ports = machine.free_ports(20)
    assert len(set(ports)) == 20
    assert all(port in machine.PORTS for port in ports)


def test_a_port_in_use_is_not_free() -> None:
    (port,) = machine.free_ports(1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not machine._is_free(port)
