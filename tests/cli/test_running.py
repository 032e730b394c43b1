"""With a `weft up` that is this process: its note, its log, and its socket with answers from a table."""

import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli import running
from weft.run import project as module
from weft.run.logfile import LogFile
from weft.run.project import Project

WORKLOADS = [
    {"name": "web-v1-0", "namespace": "default", "service": "web", "version": "v1", "state": "running", "pid": 7},
    {"name": "job-0", "namespace": "default", "service": "job", "version": "", "state": "failed (3)", "pid": None},
]


class Up:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.asked: list[dict[str, Any]] = []
        self.answer: list[dict[str, Any]] = [{"answer": {"workloads": WORKLOADS}}]

    def serve(self, server: socket.socket) -> None:
        while True:
            connection = server.accept()[0]
            with connection, connection.makefile("rwb") as stream:
                line = stream.readline()
                if not line.strip():
                    return
                self.asked.append(json.loads(line))
                stream.write(b"".join(json.dumps(part).encode() + b"\n" for part in self.answer))


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controller: Fake) -> Iterator[Up]:
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    project = Project.of(Path("weft.yaml"))
    project.open()
    there = {"name": "default/web-v1-0", "lease": "attached", "health": "healthy", "identity": "spiffe://x"}
    controller.answers["/v1/workloads"] = {"workloads": [there]}
    # A unix socket's path has a limit, and pytest's folders are long.
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/s")
        server.listen()
        project.note(os.environ["WEFT_CONTROLLER"], Path(f"{folder}/s"))
        log = LogFile(project.log, lambda: 0.0)
        for name, text in (("web-v1-0", "hello"), ("job-0", "alas"), ("weft", "all ready")):
            log.write(name, text)
        log.close()
        found = Up(project.file)
        thread = threading.Thread(target=found.serve, args=[server])
        thread.start()
        yield found
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(f"{folder}/s")
            last.sendall(b"\n")
        thread.join()


@pytest.mark.parametrize("command", ["ps", "logs", "restart"])
def test_where_nothing_is_up_that_is_said(
    weft: Weft, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = weft(command)
    assert (done.status, done.err.splitlines()[0]) == (1, f"error: {tmp_path}/weft.yaml is not up")


def test_ps_shows_what_runs(weft: Weft, up: Up) -> None:
    assert weft("ps").lines == [
        "SERVICE  WORKLOAD  VERSION  STATE       HEALTH   MTLS  PID",
        "web      web-v1-0  v1       running     healthy  yes   7",
        "job      job-0     -        failed (3)  -        -     -",
    ]
    first = json.loads(weft("ps", "-o", "json").out)[0]
    assert (first["service"], first["health"], first["pid"]) == ("web", "healthy", 7)


def test_ps_shows_one_service(weft: Weft, up: Up) -> None:
    assert [line.split()[1] for line in weft("ps", "job").lines[1:]] == ["job-0"]
    assert weft("ps", "jib").status == 2


def test_ps_in_quiet_prints_the_apps_own_process_ids(weft: Weft, up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.run.sys_apps.app_of", {7: 8}.get)
    assert weft("ps", "-q").lines == ["8"]
    assert weft("ps", "-q", "job-0").lines == []


def test_ps_without_its_controller_shows_the_rest(weft: Weft, up: Up, controller: Fake) -> None:
    controller.answers.clear()
    done = weft("ps")
    assert "warning: health is not known" in done.err
    assert done.lines[1] == "web      web-v1-0  v1       running     -       -     7"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["web-v1-0 | hello", "job-0 | alas", "weft | all ready"]),
        (["web"], ["web-v1-0 | hello"]),
        (["job-0"], ["job-0 | alas"]),
        (["weft"], ["weft | all ready"]),
        (["-t", "job"], ["1970-01-01T00:00:00.000Z job-0 | alas"]),
    ],
)
def test_logs_of_all_or_of_one(weft: Weft, up: Up, arguments: list[str], lines: list[str]) -> None:
    assert weft("logs", *arguments).lines == lines


def test_logs_go_on_until_it_ends(weft: Weft, up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.time, "sleep", lambda _: monkeypatch.setattr(module, "started", lambda pid: None))
    assert weft("logs", "-f", "job").lines == ["job-0 | alas"]


def test_logs_of_nobody(weft: Weft, up: Up) -> None:
    done = weft("logs", "wep")
    assert (done.status, done.err) == (2, 'error: there is no service wep here\n\nhint: did you mean "web"?\n')


def test_restart_says_what_it_did_and_what_failed(weft: Weft, up: Up) -> None:
    up.answer = [{"say": "web-v1-0 restarted"}, {"answer": {}}]
    assert weft("restart", "web").err == "web-v1-0 restarted\n"
    up.answer = [{"error": "web-v1-0 ended with exit status 3", "hint": "look", "tail": ["boom"]}]
    done = weft("restart")
    assert (done.status, done.err) == (
        1,
        "\nlast lines:\n  boom\n\nerror: web-v1-0 ended with exit status 3\n\nhint: look\n",
    )
    assert up.asked == [{"do": "restart", "service": "web"}, {"do": "restart", "service": None}]


def test_up_again_applies_what_changed(weft: Weft, up: Up) -> None:
    up.file.write_text("services: {web: {run: x, port: 80}}")
    up.answer = [{"say": "nothing has changed"}, {"answer": {}}]
    done = weft("up", "-p", "web=8080")
    assert done.status == 0
    assert done.err.splitlines()[1] == "nothing has changed"
    assert (up.asked[0]["do"], up.asked[0]["publish"]) == ("change", {"127.0.0.1:8080": ["default/web", 80]})


def test_down_ends_it_and_twice_is_no_mistake(weft: Weft, up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr(module, "stop", lambda run, at_once: stopped.append(at_once))
    assert weft("down").err == "stopped\n"
    assert weft("down", "--now").err == "stopped\n"
    assert stopped == [False, True]
    Project.of(up.file).remove()
    done = weft("down")
    assert (done.status, done.err) == (0, "weft.yaml is not up\n")
