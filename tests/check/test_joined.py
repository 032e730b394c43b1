import socket
from pathlib import Path

import pytest

from weft.check.joined import joined_checks
from weft.identity.machines import Grant, MachineToken

HOST = "127.61.18.7"


def joined(root: Path, port: int, made: int = 1000, folder: str = "shop-1") -> None:
    token = MachineToken("1", "s", f"{HOST}:{port}", f"{HOST}:9", "ab", "t", "b", (Grant("d", "a"),), made, 4600)
    directory = root / "joined" / folder
    directory.mkdir(parents=True)
    (directory / "token").write_text(token.encode())


def test_who_has_joined_nothing_is_not_checked(tmp_path: Path) -> None:
    assert list(joined_checks(tmp_path, 2000.0)) == []


def test_who_reaches_its_controller_is_well(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as controller:
        joined(tmp_path, controller.getsockname()[1])
        found = list(joined_checks(tmp_path, 2000.0))
    assert [(check.id, check.result) for check in found] == [
        ("joined-token", "ok"),
        ("joined-controller", "ok"),
        ("joined-clock", "ok"),
    ]


@pytest.mark.parametrize(
    ("id", "detail"),
    [
        ("joined-token", "joined/torn/token: this is not a machine's token: it is cut off or changed"),
        ("joined-controller", f"the controller at {HOST}:9 cannot be reached: connection refused"),
        ("joined-clock", "by 15 min"),
    ],
)
def test_what_is_wrong_is_said_with_a_hint(tmp_path: Path, id: str, detail: str) -> None:
    joined(tmp_path, 9, made=1900)
    (tmp_path / "joined/torn").mkdir()
    (tmp_path / "joined/torn/token").write_text("weftm1.e30")
    (check,) = (check for check in joined_checks(tmp_path, 1000.0) if check.id == id)
    assert check.result == "fail" and detail in check.detail and check.hint
