import os
import socket
from pathlib import Path

import pytest

from weft.run import sys_ports
from weft.run.sys_ports import holder, listeners


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_listens_is_named(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as ours:
        ours.bind((address, 0))
        assert holder(ours.getsockname()[1]) is None
        ours.listen()
        found = holder(ours.getsockname()[1])
    assert found is not None
    assert found == f"{Path('/proc/self/comm').read_text().strip()} (pid {os.getpid()})"


def test_who_listens_on_another_address_is_not_in_the_way() -> None:
    with socket.create_server(("127.203.2.2", 0)) as other:
        port = other.getsockname()[1]
        assert holder(port, "127.203.2.3") is None
        assert f"(pid {os.getpid()})" in str(holder(port, "127.203.2.2"))
        with socket.create_server(("0.0.0.0", 0)) as everywhere:
            assert f"(pid {os.getpid()})" in str(holder(everywhere.getsockname()[1], "127.203.2.3"))


def test_where_nothing_can_be_known_nobody_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys_ports, "PROC", tmp_path)
    assert holder(80) is None
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text("head\n 0: 0100007F:0050 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n")
    assert holder(80) is None
    (tmp_path / "12").mkdir()
    assert holder(80) is None
    (tmp_path / "12/fd").mkdir()
    (tmp_path / "12/fd/3").symlink_to("socket:[77]")
    assert holder(80) == "a process (pid 12)"


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.203.2.1"), (socket.AF_INET6, "::1")])
def test_who_listens_is_known_with_its_command_and_folder(family: socket.AddressFamily, address: str) -> None:
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        (found,) = (each for each in listeners() if (each.address, each.port) == (address, port))
    assert found.pid == os.getpid()
    assert found.command == tuple(Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"))
    assert found.directory == os.getcwd()
