import os
import subprocess
import sys

import pytest

from weft.run import sys_started
from weft.run.sys_started import started

WAYS = {"as this system has it": started, "by ps": sys_started._from_ps}


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
def test_a_process_has_one_start_until_it_ends(ask) -> None:  # type: ignore[no-untyped-def]
    own = ask(os.getpid())
    assert own
    assert ask(os.getpid()) == own
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert ask(other.pid)
        assert other.stdin
        other.stdin.close()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert ask(other.pid) is None  # a zombie
        other.wait()
        assert ask(other.pid) is None
