import socket
import sys
from pathlib import Path

import pytest

from weft.check.facts import CAP_NET_ADMIN, bindable, look, numbers, readable_by_others


def test_looking_changes_nothing_and_sees_this_machine(tmp_path: Path) -> None:
    machine = look(tmp_path / "not" / "there")
    assert list(tmp_path.iterdir()) == []
    assert (machine.python, machine.state_mode, machine.state_writable) == (sys.version_info[:3], None, True)
    assert machine.modules_missing == ()
    assert isinstance(machine.may(CAP_NET_ADMIN), bool)


def test_an_existing_state_directory_is_described(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert look(tmp_path).state_mode == 0o750


def test_a_proxy_that_does_not_run_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "weft-proxy"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("WEFT_PROXY", str(broken))
    machine = look(tmp_path)
    assert (machine.proxy, machine.proxy_version) == (str(broken), "")
    broken.chmod(0o644)
    assert look(tmp_path).proxy is None


def test_a_port_in_use_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert "in use" in bindable("127.0.0.1", server.getsockname()[1])
    assert bindable("127.0.0.1", 0) == ""


def test_secrets_that_others_may_read_are_found(tmp_path: Path) -> None:
    (tmp_path / "ca").mkdir()
    for name, mode in (("ca/root.key", 0o644), ("rest.token", 0o600), ("store.db", 0o640)):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    assert readable_by_others(tmp_path) == ["ca/root.key", "store.db"]


@pytest.mark.parametrize(("release", "found"), [("6.1.0-18-amd64", (6, 1, 0)), ("23.4.0", (23, 4, 0)), ("odd", ())])
def test_kernel_numbers(release: str, found: tuple[int, ...]) -> None:
    assert numbers(release) == found
