import asyncio
import os
import signal
import sys

import pytest

from weft.run.children import MAX_LINE, TAIL_LINES, Child, died, start, state


class Lines(list[tuple[str, str]]):
    """A sink that can be waited on."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))
        self.arrived.set()

    async def wait_for(self, text: str) -> None:
        while not any(line == text for _, line in self):
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 10)


async def python(code: str, lines: Lines) -> Child:
    return await start("app", [sys.executable, "-u", "-c", code], lines)


async def test_both_streams_come_line_by_line_with_the_name() -> None:
    lines = Lines()
    child = await python("import sys; print('out'); print('err', file=sys.stderr); print('no end', end='')", lines)
    assert await child.wait() == 0
    assert sorted(lines) == [("app", "err"), ("app", "no end"), ("app", "out")]


async def test_a_line_of_one_stream_is_not_cut_by_one_of_the_other() -> None:
    lines = Lines()
    code = "import sys; print('half ', end=''); print('err', file=sys.stderr); print('a line')"
    assert await (await python(code, lines)).wait() == 0
    assert sorted(lines) == [("app", "err"), ("app", "half a line")]


async def test_the_tail_keeps_the_last_lines() -> None:
    child = await python("for i in range(50): print(i)", Lines())
    assert await child.wait() == 0
    assert list(child.tail) == [str(i) for i in range(50 - TAIL_LINES, 50)]


async def test_a_line_without_end_is_cut() -> None:
    lines = Lines()
    child = await python(f"print('x' * {3 * MAX_LINE}, end='')", lines)
    await child.wait()
    assert sum(len(line) for _, line in lines) == 3 * MAX_LINE
    assert max(len(line) for _, line in lines) < 2 * MAX_LINE


async def test_stop_is_polite_first() -> None:
    lines = Lines()
    child = await python(
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); print('ready'); signal.pause()",
        lines,
    )
    await lines.wait_for("ready")
    await child.stop(10)
    assert child.process.returncode == 5
    assert not child.running


async def test_stop_ends_what_does_not_listen_and_all_that_it_started() -> None:
    lines = Lines()
    child = await python(
        "import signal, subprocess; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "inner = subprocess.Popen(['sleep', '600']); print(inner.pid); print('ready'); signal.pause()",
        lines,
    )
    await lines.wait_for("ready")
    await child.stop(0.05)
    assert child.process.returncode == -signal.SIGKILL
    await child.wait()  # the pipe is closed: nobody holds it any more
    assert all(reading.done() for reading in child.reading)


async def test_who_holds_its_output_for_ever_is_left_alone() -> None:
    lines = Lines()
    child = await python(
        "import signal, subprocess, sys\n"
        "inner = subprocess.Popen(['sleep', '600'], start_new_session=True); print(inner.pid)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('ready'); signal.pause()",
        lines,
    )
    await lines.wait_for("ready")
    inner = int(lines[0][1])
    try:
        await asyncio.wait_for(child.stop(10), 10)
        assert all(reading.done() for reading in child.reading)
    finally:
        os.kill(inner, signal.SIGKILL)


async def test_ctrl_c_of_the_terminal_does_not_reach_a_child() -> None:
    lines = Lines()
    child = await python("import os; print(os.getsid(0))", lines)
    await child.wait()
    assert lines[0][1] != str(os.getsid(0))


@pytest.mark.parametrize(
    ("status", "text"),
    [(3, "app ended with exit status 3"), (-9, "app was ended by SIGKILL"), (-15, "app was ended by SIGTERM")],
)
def test_how_it_ended_in_words(status: int, text: str) -> None:
    assert died("app", status) == text


async def test_a_state_is_one_or_two_words() -> None:
    assert state(None) == "waiting"
    for code, expected in (("0", "ended"), ("3", "failed (3)")):
        child = await start("a", [sys.executable, "-c", f"raise SystemExit({code})"], lambda name, line: None)
        await child.wait()
        assert state(child) == expected
    child = await start("a", [sys.executable, "-c", "import signal; signal.pause()"], lambda name, line: None)
    assert state(child) == "running"
    child.stopping = True
    assert state(child) == "stopping"
    child.kill()
    await child.wait()
    assert state(child) == "failed (SIGKILL)"


async def test_what_it_says_on_stderr_is_kept_apart_as_well() -> None:
    child = await start("a", ["sh", "-c", "echo one; echo two >&2"], lambda name, line: None)
    await child.wait()
    assert (sorted(child.tail), list(child.complaints)) == (["one", "two"], ["two"])
