from __future__ import annotations

import os
from pathlib import Path

from weft.run.sys_cgroups import left_over

# No process has it: beyond what any kernel gives (PID_MAX_LIMIT, 2^22).
NOBODY = 2**22 + 1


def made(root: Path, name: str, populated: int = 0) -> Path:
    (root / name).mkdir(parents=True)
    (root / name / "cgroup.events").write_text(f"populated {populated}\nfrozen 0\n")
    return root / name


def test_only_what_nobody_has_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").touch()
    gone = made(tmp_path, f"weft-{NOBODY}")
    again = made(tmp_path, f"system.slice/weft-{NOBODY}.1")
    made(tmp_path, f"weft-{os.getpid()}")
    made(tmp_path, f"weft-{NOBODY + 1}", populated=1)
    made(tmp_path, f"weft-{NOBODY}-more")
    made(tmp_path, "weft-controller.service")
    assert sorted(left_over((tmp_path,))) == sorted([gone, again])


def test_without_cgroups_there_are_none(tmp_path: Path) -> None:
    assert list(left_over((tmp_path,))) == []
