import pytest

from weft.resources.dotenv import parse_env


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("  A = b  ", "b"),
        ("A=", ""),
        ("A=b=c", "b=c"),
        ("A=b # why", "b"),
        ("A=#b", ""),
        ("A=b#c", "b#c"),
        ("A='b # c'  # why", "b # c"),
        ('A="b c"', "b c"),
        ("A=b\nA=c", "c"),
        ("# A=x\n\nA=b", "b"),
        ("\ufeffA=b", "b"),
        ("A=b\r", "b"),
    ],
)
def test_a_line_is_a_variable(line, value):
    assert parse_env(line, ".env") == ({"A": value}, [])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("A", "this is no variable\n\nhint: write NAME=value"),
        ("A-B=c", "this is no variable"),
        ("A: b", "this is no variable"),
        ("A=b\0c", "this is no variable"),
        ("A='b", "A has no end\n\nhint: close it with '"),
    ],
)
def test_what_is_none_is_named_with_its_line(line, says):
    found, (problem,) = parse_env(f"OTHER=1\n{line}\n", "shop/.env")
    assert found == {"OTHER": "1"}
    assert f"error: shop/.env:2:1: {says}" in str(problem)
