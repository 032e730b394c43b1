import io

from weft.demo.quiet import Quiet
from weft.run.logfile import LogFile, read


def test_what_apps_say_is_kept_and_only_their_restarts_are_shown(tmp_path):
    messages = io.StringIO()
    display = Quiet(["a-0"], messages=messages)
    display.log = LogFile(tmp_path / "log", lambda: 0.0)
    display.line("a-0", "hello")
    display.line("a-0", "weft: draining, at most 45 s")
    display.line("a-0", "weft: the app ended with exit code 3 after 1.0 s; starting it again in 100 ms")
    display.message("all ready")
    display.log.close()
    again = "a-0: the app ended with exit code 3 after 1.0 s; starting it again in 100 ms"
    assert [line.partition("| ")[2] for line in messages.getvalue().splitlines()] == [again, "all ready"]
    assert [line.name for line in read(tmp_path / "log")] == ["a-0", "a-0", "a-0", "weft", "weft"]
