import pytest

from weft.cli.failure import USAGE, Failure, of_error, sentence, show, usage, warn
from weft.client.errors import WeftError
from weft.client.types import Origin, Problem


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


def test_a_warning_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    warn("odd.", "look")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "warning: odd\n\nhint: look\n")
