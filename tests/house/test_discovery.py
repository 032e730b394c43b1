"""Delivery's messages are Envoy's, field by field and byte by byte."""

from __future__ import annotations

from typing import Any

import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import ads_pb2
from envoy.service.discovery.v3 import discovery_pb2 as envoy
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from weft.controller.delivery import PATH
from weft.v1 import discovery_pb2 as ours

PAIRS: dict[type[Message], type[Message]] = {
    ours.Node: base_pb2.Node,
    ours.DeltaDiscoveryRequest: envoy.DeltaDiscoveryRequest,
    ours.DeltaDiscoveryResponse: envoy.DeltaDiscoveryResponse,
    ours.Resource: envoy.Resource,
    ours.Status: status_pb2.Status,
}
THEIR_NAMES = {a.DESCRIPTOR.full_name: b.DESCRIPTOR.full_name for a, b in PAIRS.items()}


def shape(field: FieldDescriptor) -> tuple[Any, ...]:
    """All that the wire knows of a field."""
    type_ = field.message_type
    entry = [shape(f) for f in type_.fields] if type_ and type_.GetOptions().map_entry else None
    name = THEIR_NAMES.get(type_.full_name, type_.full_name) if type_ and entry is None else None
    oneof = field.containing_oneof.name if field.containing_oneof else None
    return field.number, field.type, field.is_repeated, field.is_packed, field.has_presence, oneof, name, entry


@pytest.mark.parametrize(("mine", "theirs"), PAIRS.items(), ids=lambda m: m.DESCRIPTOR.full_name)
def test_each_field_has_envoys_number_type_and_label(mine: type[Message], theirs: type[Message]) -> None:
    known: Descriptor = theirs.DESCRIPTOR
    assert {f.name: shape(f) for f in mine.DESCRIPTOR.fields} == {
        f.name: shape(known.fields_by_name[f.name]) for f in mine.DESCRIPTOR.fields
    }


def test_only_what_stands_beside_envoys_messages_is_ours_alone() -> None:
    assert set(ours.DESCRIPTOR.message_types_by_name) - {m.DESCRIPTOR.name for m in PAIRS} == {"Rejected"}


def test_the_method_is_envoys() -> None:
    service = ads_pb2.DESCRIPTOR.services_by_name["AggregatedDiscoveryService"]
    method = service.methods_by_name["DeltaAggregatedResources"]
    assert f"/{service.full_name}/{method.name}" == PATH
    assert (method.client_streaming, method.server_streaming) == (True, True)
    ends = (method.input_type.full_name, method.output_type.full_name)
    assert ends == (THEIR_NAMES["weft.v1.DeltaDiscoveryRequest"], THEIR_NAMES["weft.v1.DeltaDiscoveryResponse"])


# ------------------------------------------------------------------------------------------------------- round trips

NUMBER = FieldDescriptor.CPPTYPE_INT32
TEXT = st.text(max_size=8)


def content(kind: Descriptor) -> st.SearchStrategy[dict[str, Any]]:
    """Any fields of a message of ours, to be set in either."""
    return st.fixed_dictionaries({}, optional={f.name: value(f) for f in kind.fields})


def value(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    type_ = field.message_type
    if type_ and type_.GetOptions().map_entry:
        return st.dictionaries(TEXT, TEXT, max_size=3)
    one = st.binary(max_size=8) if field.type == FieldDescriptor.TYPE_BYTES else TEXT
    if field.cpp_type == NUMBER:
        one = st.integers(-(2**31), 2**31 - 1)
    elif type_ and type_.full_name == "google.protobuf.Struct":
        one = st.builds(lambda k, v: {"fields": {k: {"string_value": v}}}, TEXT, TEXT)
    elif type_:
        one = content(type_)
    return st.lists(one, max_size=3) if field.is_repeated else one


@given(st.data())
@pytest.mark.parametrize(("mine", "theirs"), PAIRS.items(), ids=lambda m: m.DESCRIPTOR.full_name)
def test_what_one_writes_the_other_reads(mine: type[Message], theirs: type[Message], data: st.DataObject) -> None:
    fields = data.draw(content(mine.DESCRIPTOR))
    a, b = mine(**fields), theirs(**fields)
    written = a.SerializeToString(deterministic=True)
    assert written == b.SerializeToString(deterministic=True)
    assert theirs.FromString(written) == b
    assert mine.FromString(b.SerializeToString()) == a


def test_what_envoy_says_beyond_ours_is_passed_over() -> None:
    said = envoy.DeltaDiscoveryRequest(
        type_url="t",
        node=base_pb2.Node(id="n", cluster="c", locality=base_pb2.Locality(zone="z"), client_features=["f"]),
        resource_locators_subscribe=[envoy.ResourceLocator(name="r")],
    )
    heard = ours.DeltaDiscoveryRequest.FromString(said.SerializeToString())
    assert (heard.type_url, heard.node.id, list(heard.node.client_features)) == ("t", "n", ["f"])
