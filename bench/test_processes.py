import os
from pathlib import Path

import pytest

from bench.processes import ChildFailed, running

CORE = min(os.sched_getaffinity(0))


def test_a_child_has_one_core_and_ends_with_the_block(tmp_path: Path) -> None:
    with running(["sleep", "60"], CORE, tmp_path / "sleep.log") as child:
        child.refuse_ended()
        assert child.process.poll() is None
    assert child.process.returncode is not None


def test_a_child_ends_with_an_exception_too(tmp_path: Path) -> None:
    log = tmp_path / "sleep.log"
    with pytest.raises(KeyboardInterrupt), running(["sleep", "60"], CORE, log) as child:
        raise KeyboardInterrupt
    assert child.process.returncode is not None


def test_an_early_end_is_told_with_the_last_words(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo no such option; exit 3"]
    with running(command, CORE, tmp_path / "proxy.log") as child:
        child.process.wait(5)
        with pytest.raises(ChildFailed, match=r"proxy ended with 3\n.*\n.*no such"):
            child.refuse_ended()
