import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.run import watcher
from weft.run.sys_started import started
from weft.run.watcher import Process, Watched, watch

OBEYS = "import signal; print('ready', flush=True); signal.pause()"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


class Started:
    """Processes of sessions of their own, which are this test's to reap."""

    def __init__(self) -> None:
        self.all: list[subprocess.Popen[bytes]] = []

    def __call__(self, code: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
        self.all.append(process)
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        return process


@pytest.fixture
def start() -> Iterator[Started]:
    made = Started()
    yield made
    for process in made.all:
        process.kill()
        process.communicate()


def test_all_is_ended_workloads_before_their_controller(
    start: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[int] = []
    monkeypatch.setattr(watcher, "end_all", lambda all: order.extend(process.pid for process in all))
    one, two, controller = start(OBEYS), start(OBEYS), start(OBEYS)
    gone = tmp_path / "with a space"
    gone.mkdir()
    lines = [f"directory {gone}", f"controller {controller.pid} 10.0", f"workload {one.pid} 10.0"]
    watch([*lines, f"workload {two.pid} 10.0"])
    assert order == [one.pid, two.pid, controller.pid]
    assert not gone.exists()
    assert "`weft up` was killed; stopping what it started" in capsys.readouterr().err


def test_it_asks_first_and_waits_for_nobody_for_ever(start: Started) -> None:
    obeys, ignores = start(OBEYS), start(IGNORES)
    watched = Watched()
    watched.note(f"workload {obeys.pid} 60\n")
    watched.note(f"workload {ignores.pid} 0\n")
    watched.end()
    assert (obeys.wait(), ignores.wait()) == (-signal.SIGTERM, -signal.SIGKILL)


def test_an_orderly_end_ends_nothing(start: Started, tmp_path: Path) -> None:
    running = start(OBEYS)
    watch([f"directory {tmp_path}", f"workload {running.pid} 10.0", "done\n"])
    assert running.poll() is None
    assert tmp_path.exists()


def test_a_later_process_with_the_same_id_is_left_alone(start: Started) -> None:
    stranger = start(OBEYS)
    for start_of_another in ("long ago", None):
        process = Process(stranger.pid, start_of_another, 0.0)
        assert not process.running
        process.signal(signal.SIGKILL)
    assert Process(stranger.pid, started(stranger.pid), 0.0).running
    assert stranger.poll() is None


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, weft.run.watcher; print({'pydantic', 'grpc', 'httpx', 'asyncio'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
