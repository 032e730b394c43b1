import asyncio
import signal
from pathlib import Path

import pytest

from weft.run.children import Child, start
from weft.run.lifeline import Lifeline


async def sleeper() -> Child:
    return await start("app", ["sleep", "600"], lambda name, line: None)


async def test_closed_in_peace_it_ends_nothing(tmp_path: Path) -> None:
    lifeline, child = await Lifeline.open(), await sleeper()
    lifeline.workload(child, 10.0)
    lifeline.directory(str(tmp_path))
    await asyncio.wait_for(lifeline.close(), 10)
    assert child.running
    assert tmp_path.exists()
    await child.stop(10)


@pytest.mark.parametrize("kind", ["workload", "controller"])
async def test_broken_off_it_ends_what_was_noted(tmp_path: Path, kind: str) -> None:
    lifeline, child = await Lifeline.open(), await sleeper()
    left = tmp_path / "left"
    left.mkdir()
    lifeline.directory(str(left))
    getattr(lifeline, kind)(child, 10.0)
    # The kernel does the same for a process that was killed.
    await asyncio.wait_for(lifeline.close(orderly=False), 20)
    assert lifeline._watcher.returncode == 0
    assert await child.wait() == -signal.SIGTERM
    assert not left.exists()


async def test_its_watcher_may_be_gone(tmp_path: Path) -> None:
    lifeline, child = await Lifeline.open(), await sleeper()
    lifeline._watcher.kill()
    await lifeline._watcher.wait()
    lifeline.workload(child, 10.0)
    await asyncio.wait_for(lifeline.close(), 10)
    await child.stop(10)


async def test_modules_of_the_folder_are_not_taken_for_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "signal.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    lifeline = await Lifeline.open()
    await asyncio.wait_for(lifeline.close(), 10)
    assert lifeline._watcher.returncode == 0
