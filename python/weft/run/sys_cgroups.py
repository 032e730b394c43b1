"""Cgroups of apps whose supervisor was killed before it could remove them. Other systems have none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from weft.run.sys_started import started

MOUNTED = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
# crates/proxy/src/supervise: "weft-<pid of the supervisor>", and ".<n>" where that was taken.
NAME = re.compile(r"weft-(\d+)(\.\d+)?")


def left_over(mounted: tuple[Path, ...] = MOUNTED) -> Iterator[Path]:
    """Those whose supervisor is gone, and that nobody is in."""
    root = next((place for place in reversed(mounted) if (place / "cgroup.procs").exists()), None)
    if root is None:
        return
    for place in sorted(root.rglob("weft-*")):
        found = NAME.fullmatch(place.name)
        if found and started(int(found[1])) is None and "populated 0" in _text(place / "cgroup.events"):
            yield place


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
