import pytest

from weft.init.compose_variables import ours, resolved
from weft.resources.expand import expand_text
from weft.resources.gather import Around

VARIABLES = {"SET": "s", "EMPTY": ""}
# As Compose has it, as a weft.yaml has it, and what it is now.
CASES = [
    ("plain", "plain", "plain"),
    ("${SET}", "${SET}", "s"),
    ("$SET/x", "${SET}/x", "s/x"),
    ("${GONE}", "${GONE:-}", ""),
    ("$GONE", "${GONE:-}", ""),
    ("${GONE:-d}", "${GONE:-d}", "d"),
    ("${EMPTY:-d}", "${EMPTY:-d}", "d"),
    ("${GONE-d}", "${GONE:-d}", "d"),
    ("${SET:?say}", "${SET:?say}", "s"),
    ("${SET?say}", "${SET:?say}", "s"),
    ("${SET:+yes}", "yes", "yes"),
    ("${GONE:+yes}", "", ""),
    ("${EMPTY:+yes}", "", ""),
    ("${GONE:-${SET}}", "${GONE:-s}", "s"),
    ("${GONE:-${GONE2:-deep}}", "${GONE:-deep}", "deep"),
    ("$$", "$", "$"),
    ("$$HOME", "$HOME", "$HOME"),
    ("$${HOME}", "$${HOME}", "${HOME}"),
    ("a$", "a$", "a$"),
    ("$(date)", "$(date)", "$(date)"),
]


@pytest.mark.parametrize(("theirs", "written", "now"), CASES)
def test_a_variable_keeps_its_meaning(theirs: str, written: str, now: str) -> None:
    assert ours(theirs, VARIABLES, lambda why: None) == written
    assert resolved(theirs, VARIABLES) == now


@pytest.mark.parametrize(("theirs", "written", "now"), CASES)
def test_weft_reads_what_compose_would_have_read(theirs: str, written: str, now: str) -> None:
    text = f"services: {{a: {{run: x, env: {{A: '{written}'}}}}}}"
    (plan,) = expand_text(text, around=Around(None, VARIABLES)).workloads
    assert plan.env["A"] == now


@pytest.mark.parametrize("theirs", ["${SET}", "${GONE:-d}", "$$"])
def test_what_means_the_same_is_not_talked_about(theirs: str) -> None:
    said = list[str]()
    ours(theirs, VARIABLES, said.append)
    assert said == []


@pytest.mark.parametrize(
    ("theirs", "says"), [("$GONE", "not in .env"), ("${SET:+x}", "became 'x'"), ("${GONE:-${SET}}", "do not nest")]
)
def test_what_does_not_is(theirs: str, says: str) -> None:
    said = list[str]()
    ours(theirs, VARIABLES, said.append)
    assert len(said) == 1 and says in said[0]
