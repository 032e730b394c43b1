import pytest

from weft.compiler import core
from weft.compiler.tables import TABLES_OF, assert_declared, declared, names_of


def test_every_table_is_filled_by_some_resource():
    assert {t.name for t in declared()} == {name for names in TABLES_OF.values() for name in names}


def test_each_pipeline_can_be_walked_from_its_first_table():
    tables = {t.name: t for t in declared()}
    for start, pipeline in (("resolve", "outbound"), ("accept", "inbound")):
        seen, waiting = set(), [start]
        while waiting:
            name = waiting.pop()
            seen.add(name)
            waiting += [n for n in tables[name].next if n not in seen]
        assert seen == {t.name for t in declared() if t.pipeline == pipeline}


def test_what_steers_is_outbound_and_what_protects_inbound():
    assert {(t.pipeline, t.purpose) for t in declared()} == {("outbound", "steer"), ("inbound", "protect")}


def test_fields_have_a_layer_and_actions_none():
    assert {f.layer for t in declared() for f in t.fields} <= {"l3", "l4", "identity", "l7", "claims"}
    assert not any(a.layer for t in declared() for a in t.actions)


def test_each_capability_belongs_to_a_table():
    assert {n for kind in TABLES_OF for n in names_of(kind)} - {""} == core.capabilities()


def test_only_what_is_declared_is_taken():
    assert_declared("Frontend", frozenset({"route.method"}))
    with pytest.raises(AssertionError):
        assert_declared("Backend", frozenset({"route.method"}))
