"""A machine of its own for one page: a network namespace, so that every port is free, and a shell that types.

Nothing that a page does is seen outside: loopback and ports are the namespace's, state and files are in one folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# `weft up` on a machine that does other things; what takes longer hangs.
PATIENCE_S = 90.0
MARK = "\x1e"
# What the shell says of a job, whenever it happens to notice; people see it before the next prompt.
JOB_ENDED = re.compile(r"^\[\d+\][-+ ] +(Done|Exit|Terminated|Killed|Interrupt).*\n", re.MULTILINE)


@cache
def namespace() -> tuple[str, ...]:
    """What makes a network namespace here: as root, else as a user who may; empty: nobody may."""
    for command in (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net")):
        if not shutil.which("unshare"):
            break
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return ()


class Broken(Exception):
    """A command did not end, or the shell did."""


class Machine:
    """Types commands; its folder is where it begins. `installed`: the bin of a weft that is not this checkout's."""

    def __init__(self, folder: Path, installed: Path | None = None) -> None:
        self.folder, self._installed = folder, installed
        for name in ("here", "home", "tmp", "bin", "log"):
            (folder / name).mkdir(parents=True)
        if installed is None:
            for name, module in (("weft", "weft.cli"), ("weft-proxy", "weft.run.binary")):
                _write_command(folder / "bin" / name, f'exec "{sys.executable}" -m {module} "$@"')
            _write_command(folder / "bin" / "python3", f'exec "{sys.executable}" "$@"')
        self._shell = subprocess.Popen(
            [*namespace(), "bash", "--noprofile", "--norc"],
            cwd=folder / "here",
            env=self._env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._background: list[tuple[str, int, Path]] = []
        self.type("ip link set lo up && set -m")
        self.pid = int(self.type("echo $$")[1])
        self._namespace = os.stat(f"/proc/{self.pid}/ns/net").st_ino

    def _env(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("WEFT_", "PYTHON"))}
        if self._installed is None:
            also = os.environ.get("PYTHONPATH")
            mine["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT / "python"), also)))
        return mine | {
            "PATH": f"{self._installed or self.folder / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "WEFT_STATE_DIR": str(self.folder / "state"),
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def here(self) -> Path:
        """Where its shell is now."""
        return Path(f"/proc/{self.pid}/cwd").resolve()

    def type(self, command: str) -> tuple[int, str]:
        """Exit status, and all that was said on stdout and stderr, as a terminal shows it."""
        script = self.folder / "typed"
        script.write_text(command + "\n", encoding="utf-8")
        assert self._shell.stdin is not None
        # Sourced: directories, variables and jobs stay. What reads stdin must not read what is typed next.
        self._shell.stdin.write(f". {script} </dev/null; printf '{MARK}%d\\n' $?\n".encode())
        self._shell.stdin.flush()
        said, _, status = JOB_ENDED.sub("", self._read(command)).rpartition(MARK)
        return int(status), said

    def _read(self, command: str) -> str:
        assert self._shell.stdout is not None
        found, deadline = b"", time.monotonic() + PATIENCE_S
        with selectors.DefaultSelector() as ready:
            ready.register(self._shell.stdout, selectors.EVENT_READ)
            while not (MARK.encode() in found and found.endswith(b"\n")):
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    said = found.decode(errors="replace")
                    raise Broken(f"`{command}` did not end within {PATIENCE_S:.0f} s:\n{said}")
                if not (more := os.read(self._shell.stdout.fileno(), 65536)):
                    raise Broken(f"`{command}` ended the shell:\n{found.decode(errors='replace')}")
                found += more
        return found.decode("utf-8", errors="replace")

    def start(self, command: str, ready: str) -> None:
        """A command in the background, once it has said `ready`."""
        log = self.folder / "log" / str(len(self._background))
        log.touch()
        status, pid = self.type(f"{{ {command}\n}} >{log} 2>&1 &\necho $!")
        self._background.append((command, int(pid), log))

        def said() -> bool:
            return ready in log.read_text(errors="replace")

        def over() -> bool:
            return said() or _ended(int(pid))

        until(over, f"`{command}` to say {ready!r}; it said:\n{log.read_text(errors='replace')}")
        if status or not said():
            raise Broken(f"`{command}` ended before it said {ready!r}:\n{log.read_text(errors='replace')}")

    def stop_background(self) -> None:
        """As Ctrl-C, last first; raises Broken where one ends badly. `weft run` has the status of its app."""
        while self._background:
            command, pid, log = self._background.pop()
            if Path(f"/proc/{pid}").exists():
                os.killpg(pid, signal.SIGINT)
            status, _ = self.type(f"wait {pid}")
            if status not in (0, 128 + signal.SIGINT, 128 + signal.SIGTERM):
                raise Broken(f"`{command}` ended with {status} after Ctrl-C:\n{log.read_text(errors='replace')}")

    def said(self, number: int) -> str:
        """What the command that was the so-manieth to go to the background has said until now."""
        return (self.folder / "log" / str(number)).read_text(encoding="utf-8", errors="replace")

    def files(self) -> list[Path]:
        """What is below TMPDIR and the state directory: nothing, once all has ended that does not keep its state."""
        return [path for name in ("tmp", "state") for path in (self.folder / name).rglob("*") if not path.is_dir()]

    def left(self) -> dict[int, str]:
        """Whatever still runs on this machine, its shell not counted: process id and command line."""
        return {pid: line for pid, line in _processes(self._namespace).items() if pid != self.pid}

    def close(self) -> None:
        for _, pid, _ in reversed(self._background):
            _signal(pid, signal.SIGTERM)
        # What ends in good order takes its children along.
        pause, deadline = threading.Event(), time.monotonic() + 5
        while self._background and len(self.left()) and time.monotonic() < deadline:
            pause.wait(0.05)
        for pid in self.left():
            _signal(pid, signal.SIGKILL)
        self._shell.kill()
        self._shell.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


def connect(first: Machine, second: Machine) -> None:
    """A cable between the two: 192.0.2.1 and 192.0.2.7."""
    for machine, command in (
        (first, f"ip link add cable type veth peer name cable netns {second.pid}"),
        (first, "ip address add 192.0.2.1/24 dev cable && ip link set cable up"),
        (second, "ip address add 192.0.2.7/24 dev cable && ip link set cable up"),
    ):
        status, said = machine.type(command)
        if status:
            raise Broken(f"`{command}`: {said}")


def until(true: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    deadline, pause = time.monotonic() + patience_s, threading.Event()
    while not true():
        if time.monotonic() > deadline:
            raise Broken(f"waited {patience_s:.0f} s for {what}")
        pause.wait(0.05)


def _ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _processes(namespace: int) -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.stat(entry / "ns" / "net").st_ino == namespace:
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue  # it has just ended, or is somebody else's
    return {pid: line for pid, line in found.items() if line}


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _write_command(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
