from dataclasses import replace
from pathlib import Path

import pytest

from weft.client.errors import WeftError
from weft.run.change import differs, expand_as
from weft.run.spec import Command, Spec

SPEC = Spec("a-0", command=Command(("x",)))


def test_the_variables_are_those_of_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMAND", "mine")
    file = tmp_path / "weft.yaml"
    file.write_text("services: {a: {run: '${COMMAND}'}}")
    (plan,) = expand_as(file, {"COMMAND": "theirs"}).workloads
    assert plan.command == ("theirs",)


@pytest.mark.parametrize("text", [None, "services: {a: {rum: x}}", "services: {a: {run: '${GONE}'}}"])
def test_a_file_that_is_wrong_changes_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "weft.yaml").write_text(text)
    with pytest.raises(WeftError):
        expand_as(tmp_path / "weft.yaml", {})


def test_whom_it_waited_for_is_over() -> None:
    assert not differs(SPEC, replace(SPEC, after={"b-0": "service_healthy"}))
    assert differs(SPEC, replace(SPEC, version="v2"))
