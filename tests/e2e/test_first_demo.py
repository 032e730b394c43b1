"""The first thing that anybody runs."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import World, processes_below

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_shows_what_it_promises_and_leaves_nothing(world: World) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.first.demo"],
        cwd=ROOT,
        env=world.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all edges are mTLS, the split holds, the refusal names its rule" in done.stdout
    assert "refused by AccessPolicy/default/ratings-callers, written at weft.yaml:" in done.stdout
    assert list(world.folder.iterdir()) == []
    assert processes_below(world.folder) == []
