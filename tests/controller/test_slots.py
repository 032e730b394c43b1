"""What a proxy's answers mean."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from weft.controller.slots import Refused, Rejection, kind_of, rejections
from weft.controller.topics import Topics
from weft.v1 import discovery_pb2


def test_an_engine_that_names_what_it_refuses_refuses_only_that() -> None:
    topics = Topics()
    sent = [(topics.topic("Backend", name), "v1") for name in ("a", "b")]
    detail = discovery_pb2.Status(code=3)
    packed = AnyMessage()
    packed.Pack(discovery_pb2.Rejected(name="a", version="v1", reason="too large", missing=["regex"]))
    detail.details.append(packed)
    assert rejections(detail, sent) == {"a": Rejection("v1", "too large", ("regex",))}


def test_an_engine_that_names_nothing_refuses_all() -> None:
    topics = Topics()
    sent = [(topics.topic("Backend", name), "v1") for name in ("a", "b")]
    found = rejections(discovery_pb2.Status(code=3, message="bad"), sent)
    assert found == {"a": Rejection("v1", "bad"), "b": Rejection("v1", "bad")}


def test_types_that_are_not_ours_are_refused() -> None:
    assert kind_of("type.googleapis.com/weft.v1.Backend") == "Backend"
    for url in ("", "type.googleapis.com/envoy.config.cluster.v3.Cluster", "type.googleapis.com/weft.v1.Nothing"):
        with pytest.raises(Refused):
            kind_of(url)
