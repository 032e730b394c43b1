"""What this machine is like. Looking changes nothing: no file is made, no port is kept."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from weft.check.sys_linux import read
from weft.client.errors import WeftError

PORTS = {"rest": 15080, "grpc": 15010, "join": 15011}
# `weft-proxy --version` takes 2 ms; what takes a thousand times that does not run.
VERSION_TIMEOUT_S = 5
MODULES = ("weft._core", "grpc", "google.protobuf", "cryptography", "pydantic", "yaml", "httpx", "starlette", "uvicorn")
CAP_NET_ADMIN, CAP_BPF = 12, 39  # linux/capability.h


@dataclass(frozen=True, slots=True)
class Machine:
    """None: could not be seen here."""

    system: str
    kernel: tuple[int, ...]
    python: tuple[int, ...]
    modules_missing: tuple[str, ...]
    proxy: str | None
    proxy_version: str
    cpus: int
    memory_free: int | None
    open_files: int
    now: float
    clock_synchronised: bool | None
    loopback_block: str
    ipv6_loopback: bool
    # Port name to why it cannot be bound; "": free.
    ports: dict[str, str]
    ephemeral: tuple[int, int] | None
    backlog: int | None
    unprivileged_from: int | None
    cgroup2: bool
    capabilities: int
    nft: bool
    state_dir: str
    state_mode: int | None
    state_owner: int | None
    user: int
    state_writable: bool
    readable_by_others: tuple[str, ...]
    disk_free: int | None
    inodes_free: int | None
    temporary: str | None
    proxy_variables: tuple[str, ...] = field(default=())

    def may(self, capability: int) -> bool:
        return bool(self.capabilities >> capability & 1)


def look(state_dir: Path) -> Machine:
    proxy, version = _proxy()
    kernel = read()
    # Path.exists raises where a directory above may not be entered; that is for the check of the state directory.
    place = next(folder for folder in (state_dir, *state_dir.parents) if os.path.exists(folder))
    state = state_dir.stat() if place == state_dir else None
    disk = os.statvfs(place)
    return Machine(
        system=platform.system(),
        kernel=numbers(platform.release()),
        python=sys.version_info[:3],
        modules_missing=tuple(name for name in MODULES if not _importable(name)),
        proxy=proxy,
        proxy_version=version,
        cpus=os.cpu_count() or 1,
        memory_free=kernel.memory_free,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        now=time.time(),
        clock_synchronised=kernel.clock_synchronised,
        loopback_block=bindable("127.64.0.1", 0),
        ipv6_loopback=not bindable("::1", 0),
        ports={name: bindable("127.0.0.1", port) for name, port in PORTS.items()},
        ephemeral=kernel.ephemeral,
        backlog=kernel.backlog,
        unprivileged_from=kernel.unprivileged_from,
        cgroup2=kernel.cgroup2,
        capabilities=kernel.capabilities,
        nft=shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None,
        state_dir=str(state_dir),
        state_mode=stat.S_IMODE(state.st_mode) if state else None,
        state_owner=state.st_uid if state else None,
        user=os.geteuid(),
        state_writable=os.access(place, os.W_OK | os.X_OK),
        readable_by_others=tuple(readable_by_others(state_dir)),
        disk_free=disk.f_bavail * disk.f_frsize,
        # File systems without a fixed number of them say 0 of 0.
        inodes_free=disk.f_favail if disk.f_files else None,
        temporary=_temporary(),
        proxy_variables=tuple(n for n in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy") if os.environ.get(n)),
    )


def bindable(host: str, port: int) -> str:
    """Why not; "" when it is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As a server binds: an old connection that lingers is no owner.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def readable_by_others(state_dir: Path) -> list[str]:
    """Keys, tokens and the store, where the group or the world may read them."""
    secret = [state_dir / "store.db", state_dir / "rest.token", *state_dir.glob("ca/**/*")]
    secret += state_dir.glob("workloads/*/*/*")
    try:
        found = [path for path in secret if path.is_file() and path.stat().st_mode & 0o077]
    except OSError:
        return []  # not ours: that is what the check of the owner says
    return sorted(str(path.relative_to(state_dir)) for path in found)


def numbers(release: str) -> tuple[int, ...]:
    """ "6.1.0-18-amd64" is (6, 1, 0)."""
    parts = release.partition("-")[0].split(".")
    return tuple(int(part) for part in parts if part.isdecimal())


def _proxy() -> tuple[str | None, str]:
    from weft.run.binary import proxy_path

    try:
        path = proxy_path()
    except WeftError:
        return None, ""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return str(path), ""
    return str(path), done.stdout.strip().rpartition(" ")[2]


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _temporary() -> str | None:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return None
