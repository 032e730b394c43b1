import os
import socket
from pathlib import Path

import pytest

from weft.run import sys_ports
from weft.run.sys_ports import holder


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_listens_is_named(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as ours:
        ours.bind((address, 0))
        assert holder(ours.getsockname()[1]) is None
        ours.listen()
        found = holder(ours.getsockname()[1])
    assert found is not None
    assert found == f"{Path('/proc/self/comm').read_text().strip()} (pid {os.getpid()})"


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
