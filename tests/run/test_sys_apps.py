import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from weft.run import sys_apps
from weft.run.sys_apps import PROXY, app_of

WAYS = {"as this system has it": "_from_proc", "by ps": "_from_ps"}

# A supervisor: starts its arguments, says their process ids, and ends them when its stdin ends.
SUPERVISOR = """
import subprocess, sys
children = [subprocess.Popen([name], stdin=subprocess.PIPE) for name in sys.argv[1:]]
print(*(child.pid for child in children), flush=True)
sys.stdin.read()
for child in children: child.communicate()
"""


def supervising(*programs: Path | str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SUPERVISOR, *map(str, programs)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_app_is_the_child_that_is_no_proxy(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys_apps, "_from_proc", getattr(sys_apps, way))
    proxy = shutil.copy(str(shutil.which("cat")), tmp_path / PROXY)
    with supervising(proxy, "cat") as both, supervising(proxy) as alone:
        assert both.stdout and alone.stdout
        app = int(both.stdout.readline().split()[1])
        assert alone.stdout.readline()
        assert app_of(both.pid) == app
        assert app_of(alone.pid) is None
        both.communicate()
        alone.communicate()
