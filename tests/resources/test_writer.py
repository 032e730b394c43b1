import pytest
import yaml

from weft.resources.reader import read
from weft.resources.writer import Dumper

ODD = ["no", "0o17", "1e3", "12:30:45", "010", "a: b", "# x", "", "~", "\x85", "8080:80", "$(A)"]


@pytest.mark.parametrize("text", ODD)
def test_a_string_stays_one_for_every_reader(text: str) -> None:
    written = yaml.dump({"a": text}, Dumper=Dumper, allow_unicode=True)
    assert yaml.safe_load(written) == {"a": text}
    (document,), _ = read(written, "f.yaml")
    assert document.value == {"a": text}
