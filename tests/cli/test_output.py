import json
from dataclasses import dataclass

import pytest
import yaml

from weft.cli.options import Format
from weft.cli.output import UNLIMITED, cell, duration, emit, table, yaml_text


@dataclass(frozen=True)
class Thing:
    name: str
    parts: tuple[int, ...] = (1, 2)


def test_columns_are_two_spaces_apart_and_lines_have_no_tail() -> None:
    text = table(("NAME", "COUNT"), [("reviews", 1), ("a", None)], UNLIMITED)
    assert text == "NAME     COUNT\nreviews  1\na        -\n"


def test_a_table_without_rows_is_nothing() -> None:
    assert table(("NAME",), [], UNLIMITED) == ""


def test_nothing_is_said_where_it_is_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    for form in (Format.TABLE, Format.JSON):
        emit([], form, ("NAME",), [], "no things")
    emit(["a"], Format.TABLE, ("NAME",), [("a",)], "no things")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("[]\nNAME\na\n", "no things\n")


def test_nothing_is_cut_off() -> None:
    long = "x" * 500
    assert long in table(("NAME", "WHY"), [("a", long)], UNLIMITED)
    assert "".join(table(("NAME", "WHY"), [("a", long)], 80).split()).count("x") == 500


def test_only_the_last_column_is_folded() -> None:
    rows = [("default/batch-0", "default/ratings", "one two three four five six seven")]
    assert table(("FROM", "TO", "WHY"), rows, 60).splitlines() == [
        "FROM             TO               WHY",
        "default/batch-0  default/ratings  one two three four five",
        "                                  six seven",
    ]
    # Too narrow for that: whole lines, which the terminal wraps.
    assert table(("FROM", "TO", "WHY"), rows, 50).splitlines()[1].endswith("six seven")
    assert table(("FROM", "TO"), [row[:2] for row in rows], 20).splitlines()[1] == "default/batch-0  default/ratings"


def test_brackets_are_no_markup() -> None:
    assert "[red]reviews[v2]" in table(("NAME",), [("[red]reviews[v2]",)], UNLIMITED)


def test_json_and_yaml_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    emit([Thing("ä")], Format.JSON, (), ())
    as_json = capsys.readouterr().out
    emit([Thing("ä")], Format.YAML, (), ())
    as_yaml = capsys.readouterr().out
    assert json.loads(as_json) == yaml.safe_load(as_yaml) == [{"name": "ä", "parts": [1, 2]}]
    assert "ä" in as_json
    assert "ä" in as_yaml


def test_documents_are_separated() -> None:
    assert yaml_text([{"a": 1}, {"b": 2}], documents=True) == "---\na: 1\n---\nb: 2\n"


@pytest.mark.parametrize(("value", "shown"), [(None, "-"), ("", "-"), (0, "0"), (1.25, "1.2"), ("x", "x")])
def test_cells(value: object, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, ""), (0.0, "0s"), (119.9, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d"), (-9, "-9s")],
)
def test_durations_have_one_unit(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


HOSTILE = "a\x1b[2J\x9b2Jb\nc"


def test_what_strangers_wrote_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    emit([HOSTILE], Format.TABLE, ("NAME", "WHY"), [(HOSTILE, HOSTILE)])
    assert capsys.readouterr().out.splitlines()[1].split("  ") == ["a?[2J?2Jb c"] * 2
    for form, load in ((Format.JSON, json.loads), (Format.YAML, yaml.safe_load)):
        emit([HOSTILE], form, (), ())
        shown = capsys.readouterr().out
        assert load(shown) == [HOSTILE] and not {"\x1b", "\x9b"} & set(shown)
