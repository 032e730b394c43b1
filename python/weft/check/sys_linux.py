"""What the kernel tells in its files. Other systems have none of them: everything is unknown there, or absent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Kernel:
    """None: it does not say."""

    memory_free: int | None
    clock_synchronised: bool | None
    ephemeral: tuple[int, int] | None
    backlog: int | None
    unprivileged_from: int | None
    cgroup2: bool
    capabilities: int


def read(root: Path = ROOT) -> Kernel:
    return Kernel(
        memory_free=_memory(root),
        clock_synchronised=_synchronised(root),
        ephemeral=_pair(root / "proc/sys/net/ipv4/ip_local_port_range"),
        backlog=_number(root / "proc/sys/net/core/somaxconn"),
        unprivileged_from=_number(root / "proc/sys/net/ipv4/ip_unprivileged_port_start"),
        # https://docs.kernel.org/admin-guide/cgroup-v2.html: the file is in every directory of the unified hierarchy.
        cgroup2=(root / "sys/fs/cgroup/cgroup.controllers").exists(),
        capabilities=_capabilities(root),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _pair(path: Path) -> tuple[int, int] | None:
    words = _text(path).split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else None


def _memory(root: Path) -> int | None:
    """What could be had without swapping."""
    lines = (line.split() for line in _text(root / "proc/meminfo").splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[:1] == ["MemAvailable:"]), None)


def _capabilities(root: Path) -> int:
    """Of this process: a mask of the numbers in linux/capability.h."""
    lines = (line.split() for line in _text(root / "proc/self/status").splitlines())
    return next((int(words[1], 16) for words in lines if words[:1] == ["CapEff:"]), 0)


def _synchronised(root: Path) -> bool | None:
    """systemd-timesyncd and chrony leave a mark; of others nothing is known."""
    marks = ("run/systemd/timesync/synchronized", "run/chrony/chronyd.pid")
    return True if any((root / mark).exists() for mark in marks) else None
