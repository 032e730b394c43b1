import json
import stat

import pytest

from weft.compiler.model import Discovered
from weft.discovery.known import Part
from weft.discovery.saved import load, save

ENDPOINT = Discovered("dns x", "2001:db8::7", 80, {"version": "v2"}, 3, "spiffe://t/ns/n/sa/a", "z", 1)
MEMORY = {"default/a": {"dns x": {"A": Part((ENDPOINT,), 1_900_000_000.5, 77.0, "timeout")}}}


def test_what_was_saved_is_known_and_its_time_is_over(tmp_path):
    path = tmp_path / "discovered.json"
    save(path, MEMORY)
    assert load(path) == {"default/a": {"dns x": {"A": Part((ENDPOINT,), 1_900_000_000.5, 0.0)}}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_fields_of_another_version_are_passed_over(tmp_path):
    path = tmp_path / "discovered.json"
    save(path, MEMORY)
    document = json.loads(path.read_text())
    [endpoint] = document["services"]["default/a"]["dns x"]["A"]["endpoints"]
    endpoint["colour"] = "red"
    del endpoint["zone"]
    path.write_text(json.dumps(document | {"version": 2, "more": 1}))
    [found] = load(path)["default/a"]["dns x"]["A"].endpoints
    assert (found.address, found.zone) == ("2001:db8::7", "")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"services": 1}', '{"services": {"a": {"b": {"c": {}}}}}'])
def test_a_file_that_cannot_be_read_costs_what_it_remembered(tmp_path, text, caplog):
    path = tmp_path / "discovered.json"
    path.write_text(text)
    assert load(path) == {}
    assert "is not readable and begins anew" in caplog.text


def test_no_file_is_nothing_remembered(tmp_path, caplog):
    assert load(tmp_path / "none") == {}
    assert caplog.text == ""
