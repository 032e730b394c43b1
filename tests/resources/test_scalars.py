import math

import pytest

from weft.resources.scalars import plain, tagged

# YAML 1.2.2, 10.3.2; beside each what YAML 1.1 would have made of it, where that differs.
CASES = [
    ("", None),
    ("~", None),
    ("null", None),
    ("true", True),
    ("FALSE", False),
    ("no", "no"),  # False
    ("yes", "yes"),  # True
    ("on", "on"),  # True
    ("y", "y"),
    ("0", 0),
    ("-7", -7),
    ("010", 10),  # 8
    ("0o17", 15),  # "0o17"
    ("0x1F", 31),
    ("0b11", "0b11"),  # 3
    ("1_000", "1_000"),  # 1000
    ("12:30:45", "12:30:45"),  # 45045
    ("1:20", "1:20"),  # 80
    ("1e3", 1000.0),  # "1e3"
    ("1.5", 1.5),
    (".5", 0.5),
    ("1.", 1.0),
    ("2024-01-01", "2024-01-01"),  # a date
    ("v1", "v1"),
    ("1.2.3", "1.2.3"),
    ("-", "-"),
    (".", "."),
    ("9" * 30, "9" * 30),
]


@pytest.mark.parametrize(("text", "value"), CASES)
def test_a_plain_scalar_means_what_yaml_1_2_says(text, value):
    got = plain(text)
    assert (got, type(got)) == (value, type(value))


def test_infinities_and_not_a_number():
    assert (plain(".inf"), plain("-.Inf")) == (math.inf, -math.inf)
    assert math.isnan(plain(".nan"))


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [("str", "12", "12"), ("int", "12", 12), ("float", "12", 12.0), ("bool", "true", True), ("null", "", None)],
)
def test_a_tag_decides(tag, text, value):
    assert tagged(f"tag:yaml.org,2002:{tag}", text) == value


@pytest.mark.parametrize(
    ("tag", "text"), [("int", "x"), ("bool", "no"), ("binary", "eA=="), ("timestamp", "2024-01-01")]
)
def test_an_unfit_or_unknown_tag_is_an_error(tag, text):
    with pytest.raises(ValueError, match="tag"):
        tagged(f"tag:yaml.org,2002:{tag}", text)
