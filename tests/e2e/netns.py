"""Machines that are network namespaces of this one: each with its own loopback and ports, joined by one cable.

Root on Linux only; `usable()` says why not. What is started in a machine ends with it, and nothing of it stays.

    with two_machines(folder) as (a, b):
        a.start("weft", "up")              # a Popen
        b.weft("up", "--join", token)      # a CompletedProcess
        a.get("http://127.0.0.1:8080/")    # asked from within
        b.cable(False)                     # pulled out
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.e2e.conftest import PATIENCE_S, Answer

COUNT = itertools.count()
# Reads a URL a line, answers with a line of JSON: a process for each request would take longer than the request.
ASKER = """
import json, sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for line in sys.stdin:
    url, headers = json.loads(line)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            found = answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        found = error.code, dict(error.headers), error.read().decode()
    except OSError as error:
        found = 0, {}, str(error)
    print(json.dumps(found), flush=True)
"""


def usable() -> str:
    """Why there can be no machines here; "" when there can."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root, Linux and iproute2"
    made = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return made.stderr.strip() if made.returncode else ""


@dataclass
class Machine:
    """One namespace. `folder` is its disk: state, temporary files, the log of what was started."""

    name: str
    namespace: str
    address: str
    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    _asker: subprocess.Popen[str] | None = None

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        return {**kept, "WEFT_STATE_DIR": str(self.folder / "state"), "TMPDIR": str(self.folder)}

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def start(
        self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """In the background; what it says goes to `log`."""
        with (self.folder / "log").open("a") as log:
            process = self._popen(command, log, cwd, env)
        self.processes.append(process)
        return process

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._inside(command),
            env=self.env,
            cwd=cwd or self.folder,
            text=True,
            capture_output=True,
            check=False,
            timeout=2 * PATIENCE_S,
        )

    def weft(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "weft.cli", *words, cwd=cwd)

    def get(self, url: str, **headers: str) -> Answer:
        """Status 0: nobody answered, and why."""
        if self._asker is None:
            command = self._inside((sys.executable, "-c", ASKER))
            self._asker = subprocess.Popen(
                command, env=self.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        assert self._asker.stdin and self._asker.stdout
        self._asker.stdin.write(json.dumps([url, headers]) + "\n")
        self._asker.stdin.flush()
        status, named, content = json.loads(self._asker.stdout.readline())
        body = json.loads(content) if content.startswith(("{", "[")) else content
        return Answer(status, {name.lower(): value for name, value in named.items()}, body)

    def cable(self, plugged: bool) -> None:
        _ip("-n", self.namespace, "link", "set", "eth0", "up" if plugged else "down")

    def pids(self) -> list[int]:
        listed = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listed.stdout.split()]

    def power_off(self) -> None:
        """Everything in it ends at once, without a goodbye."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in [*self.processes, *([self._asker] if self._asker else [])]:
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        self.processes.clear()
        self._asker = None

    def close(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
        self.power_off()
        subprocess.run(["ip", "netns", "del", self.namespace], check=False)

    def _popen(
        self, command: tuple[str, ...], out: IO[str], cwd: Path | None, env: Mapping[str, str] | None
    ) -> subprocess.Popen[str]:
        words = (sys.executable, "-m", "weft.cli", *command[1:]) if command[0] == "weft" else command
        inside, place = self._inside(words), cwd or self.folder
        return subprocess.Popen(inside, env={**self.env, **(env or {})}, cwd=place, text=True, stdout=out, stderr=out)

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *command]


@contextmanager
def two_machines(folder: Path) -> Iterator[tuple[Machine, Machine]]:
    """`a` is 192.0.2.1, `b` is 192.0.2.2; neither sees anything else."""
    # Two runs of the tests at a time have namespaces of their own, and so have two tests of a run.
    one = f"weft-{os.getpid()}-{next(COUNT)}"
    machines = [
        Machine(name, f"{one}-{name}", f"192.0.2.{number}", folder / name)
        for number, name in enumerate("ab", 1)
    ]
    made = []
    try:
        for machine in machines:
            machine.folder.mkdir()
            _ip("netns", "add", machine.namespace)
            made.append(machine)
        a, b = machines
        _ip("link", "add", "eth0", "netns", a.namespace, "type", "veth", "peer", "eth0", "netns", b.namespace)
        for machine in machines:
            _ip("-n", machine.namespace, "address", "add", f"{machine.address}/24", "dev", "eth0")
            _ip("-n", machine.namespace, "link", "set", "lo", "up")
            machine.cable(True)
        yield a, b
    finally:
        for machine in reversed(made):
            machine.close()


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
