import errno
import socket

import pytest

from weft.run.loopback import ANY_PORT, APP_PORTS, TRIES, BlocksTaken, Target, allocate, bind_error, free_port

A, B = Target("default/a", 80), Target("default/b", 80)


def free(address: str, port: int) -> int:
    return 0


def test_each_service_has_its_own_address_and_its_own_ports() -> None:
    also = Target("default/a", 9090)
    found = allocate("default/web-0", [A, B, also], free)
    hosts = {target: address.rpartition(":")[0] for target, address in found.items()}
    assert hosts[A] == hosts[also] != hosts[B]
    assert found[also].endswith(":9090")
    assert all(64 <= int(host.split(".")[1]) < 128 and host.startswith("127.") for host in hosts.values())


def test_a_workload_finds_the_same_addresses_at_each_start() -> None:
    assert allocate("default/web-0", [A, B], free) == allocate("default/web-0", [B, A], free)
    assert allocate("default/web-0", [A], free) != allocate("default/web-1", [A], free)


def test_a_block_with_an_address_in_use_is_left_for_the_next() -> None:
    first = allocate("default/web-0", [A, B], free)
    used = first[B].rpartition(":")[0]
    second = allocate("default/web-0", [A, B], lambda host, port: errno.EADDRINUSE if host == used else 0)
    assert not set(first.values()) & set(second.values())


def test_gives_up_after_a_few_blocks() -> None:
    asked: list[str] = []

    def taken(address: str, port: int) -> int:
        asked.append(address)
        return errno.EADDRINUSE

    with pytest.raises(BlocksTaken, match="after 8 tries"):
        allocate("default/web-0", [A], taken)
    assert len(asked) == TRIES


def test_a_port_that_only_root_may_bind_becomes_any_port_of_the_same_address() -> None:
    found = allocate("default/web-0", [A], lambda host, port: errno.EACCES)
    assert found[A].endswith(":0")
    assert found[A] != ANY_PORT


def test_where_loopback_is_one_address_a_service_gets_any_port() -> None:
    assert allocate("default/web-0", [A, B], lambda host, port: errno.EADDRNOTAVAIL) == {A: ANY_PORT, B: ANY_PORT}


def test_more_services_than_a_block_has_addresses_go_on_in_the_next() -> None:
    many = [Target(f"default/s{i:03}", 80) for i in range(300)]
    found = allocate("default/web-0", many, free)
    assert len(set(found.values())) == 300
    assert not any(address.rpartition(":")[0].endswith((".0", ".255")) for address in found.values())


def test_the_kernel_is_asked_about_a_port() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert bind_error("127.0.0.1", listener.getsockname()[1]) == errno.EADDRINUSE
    assert bind_error("127.0.0.1", 0) == 0


def test_an_apps_port_is_none_that_the_system_gives_away_before_the_app_has_started() -> None:
    taken: set[int] = set()
    assert all(free_port(taken) in APP_PORTS for _ in range(50))
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port(taken)))
        other.listen()
        port = other.getsockname()[1]
        taken.clear()
        assert free_port(taken, [port]) != port


def test_free_ports_are_not_given_twice() -> None:
    taken: set[int] = set()
    ports = [free_port(taken) for _ in range(50)]
    assert len(set(ports)) == 50
    assert taken == set(ports)
