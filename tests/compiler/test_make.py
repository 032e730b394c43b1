import pytest

from weft.compiler.make import deliver, version
from weft.v1 import program_pb2 as pb


def test_a_version_is_of_content_and_kind_only():
    endpoints = pb.Endpoints(name="default/a:80")
    assert version("Endpoints", endpoints) == version("Endpoints", pb.Endpoints(name="default/a:80"))
    assert version("Endpoints", endpoints) != version("Backend", endpoints)
    assert version("Endpoints", endpoints) != version("Endpoints", pb.Endpoints(name="default/a:81"))


def test_a_version_never_changes_unless_the_schema_number_does():
    assert version("Endpoints", pb.Endpoints(name="default/a:80")) == "f986479fe46ef348"


def test_the_schema_number_is_part_of_it(monkeypatch):
    before = version("Mesh", pb.Mesh())
    monkeypatch.setattr("weft.compiler.make.SCHEMA", 999)
    assert version("Mesh", pb.Mesh()) != before


def test_what_no_table_declares_is_not_delivered():
    with pytest.raises(AssertionError, match=r"what no table of it declares: route\.magic"):
        deliver("Frontend", pb.Frontend(name="x"), requires=["route.magic"])
    with pytest.raises(AssertionError, match=r"access\.allow"):
        deliver("Frontend", pb.Frontend(name="x"), requires=["access.allow"])
