import json

import pytest

from weft.resources.kinds import KINDS, NOT_YET, json_schema


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_schema_for_editors(kind):
    schema = json_schema(kind)
    assert schema["properties"]["kind"] == {"const": kind}
    assert "origin" not in schema["properties"]
    assert schema["additionalProperties"] is False
    assert {"apiVersion", "kind", "metadata"} <= set(schema["required"])
    json.dumps(schema)


def test_a_schema_speaks_as_yaml_does():
    text = json.dumps(json_schema("HTTPRoute"))
    assert "backendRefs" in text
    assert "backend_refs" not in text
    assert "^([0-9]{1,5}(h|ms|m|s)){1,4}$" in text


def test_an_unknown_kind_has_none():
    with pytest.raises(ValueError, match="did you mean"):
        json_schema("HttpRoute")


def test_what_we_do_is_not_among_what_we_do_not():
    assert not KINDS.keys() & NOT_YET
