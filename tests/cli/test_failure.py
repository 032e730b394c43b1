from pathlib import Path

import pytest

from weft.cli.failure import USAGE, Failure, of_error, sentence, show, usage, warn
from weft.client.errors import ControllerUnreachable, WeftError
from weft.client.rest import DEFAULT_ADDRESS
from weft.client.types import Origin, Problem
from weft.identity.machines import MachineToken
from weft.run.member import Member


@pytest.mark.parametrize(
    ("given", "shown"), [("It broke.", "It broke"), ("It broke", "It broke"), ("and so on...", "and so on...")]
)
def test_one_sentence_has_no_full_stop(given: str, shown: str) -> None:
    assert sentence(given) == shown


def test_an_error_is_followed_by_its_hint_after_a_blank_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(Failure("it broke", "mend it"))
    assert capsys.readouterr().err == "error: it broke\n\nhint: mend it\n"


def test_usage_is_status_2() -> None:
    with pytest.raises(Failure) as caught:
        usage("wrong")
    assert caught.value.status == USAGE


def test_problems_come_before_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    problems = (
        Problem("odd", origin=Origin("a.yaml", 3), severity="warning"),
        Problem("bad", "do it well", ref="A/b/c"),
    )
    show(of_error(WeftError("1 problem", None, problems)))
    assert capsys.readouterr().err == (
        "warning: a.yaml:3: odd\n\nerror: A/b/c: bad\n\nhint: do it well\n\nerror: 1 problem\n"
    )


def test_who_asks_where_no_controller_is_is_sent_to_the_one_that_was_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path))
    here = ControllerUnreachable(f"no controller answers at {DEFAULT_ADDRESS} (refused)", "start one")
    assert of_error(here).hint == "start one"
    token = MachineToken("1", "s", "192.0.2.1:15010", "", "ab", "t", "b", (), 0, 9)
    Member(token, tmp_path / "joined/shop-1").keep()
    assert of_error(here).hint == "the controller that this machine has joined is at 192.0.2.1:15010: ask on that one"
    named = ControllerUnreachable("no controller answers at http://127.0.0.1:9 (refused)", "start one")
    assert of_error(named).hint == of_error(WeftError("other", "start one")).hint == "start one"


def test_a_warning_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    warn("odd.", "look")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "warning: odd\n\nhint: look\n")


def test_a_message_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(Failure("it\x1b[2J broke", "mend\x1b]0;x\x07 it", ["line\x9b 1\nline 2"]))
    warn("odd\x1b[A")
    assert not {"\x1b", "\x9b", "\x07"} & set(shown := capsys.readouterr().err)
    assert "line? 1\nline 2\n\nerror: it?[2J broke\n" in shown
