"""What is in force, under each name that is asked for."""

from __future__ import annotations

from tests.controller.support import entry, service
from weft.controller.topics import Topic, Topics
from weft.resources.ref import Ref
from weft.v1 import discovery_pb2, program_pb2


class Listener:
    def __init__(self) -> None:
        self.marked: list[str] = []

    def mark(self, topic: Topic) -> None:
        self.marked.append(repr(topic))


def listen(topics: Topics, *asked: tuple[str, str]) -> Listener:
    listener = Listener()
    for kind, name in asked:
        topics.topic(kind, name).subscribers.add(listener)  # type: ignore[arg-type]
    return listener


def test_a_frontend_is_found_under_every_client_namespace() -> None:
    topics = Topics()
    topics.update([entry("Frontend", "default/a:80@*", "1"), entry("Frontend", "default/a:80@shop", "2")])
    assert [topics.topic("Frontend", f"default/a:80@{ns}").version for ns in ("*", "other", "shop")] == ["1", "1", "2"]
    assert topics.topic("Frontend", "default/b:80@shop").entry is None


def test_the_answer_has_the_name_that_was_asked_for_and_shares_its_content() -> None:
    topics = Topics()
    topics.update([entry("Frontend", "default/a:80@*", "1")])
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(topics.topic("Frontend", "default/a:80@shop").fragment())
    (resource,) = response.resources
    assert (resource.name, resource.version) == ("default/a:80@shop", "1")
    content = program_pb2.Frontend()
    assert resource.resource.Unpack(content) and content.name == "default/a:80@*"


def test_only_those_who_asked_are_told_and_only_of_another_version() -> None:
    topics = Topics()
    topics.update([*service("a"), *service("b")])
    listener = listen(topics, ("Backend", "default/a:80"), ("Backend", "default/c:80"))
    topics.update([*service("a"), *service("b", "2")])
    assert listener.marked == []
    topics.update(service("a", "2"), [("Backend", "default/b:80")])
    assert listener.marked == ["Backend default/a:80"]
    topics.update(service("c"))
    assert listener.marked[1:] == ["Backend default/c:80"]
    topics.update([], [("Backend", "default/a:80")])
    assert listener.marked[2:] == ["Backend default/a:80"]


def test_a_consumer_route_that_comes_and_goes_changes_only_its_namespace() -> None:
    topics = Topics()
    topics.update([entry("Frontend", "default/a:80@*", "1")])
    listener = listen(topics, ("Frontend", "default/a:80@shop"), ("Frontend", "default/a:80@other"))
    topics.update([entry("Frontend", "default/a:80@shop", "2")])
    topics.update([entry("Frontend", "default/a:80@*", "3")])
    topics.update([], [("Frontend", "default/a:80@shop")])
    assert listener.marked == [f"Frontend default/a:80@{ns}" for ns in ("shop", "other", "shop")]
    assert topics.topic("Frontend", "default/a:80@shop").version == "3"


def test_a_whole_program_removes_what_it_lacks() -> None:
    topics = Topics()
    topics.update([*service("a"), *service("b")])
    listener = listen(topics, ("Backend", "default/a:80"), ("Backend", "default/b:80"))
    topics.replace(service("a"))
    assert listener.marked == ["Backend default/b:80"] and len(topics.entries) == 3


def test_a_topic_that_nobody_asks_for_is_forgotten() -> None:
    topics = Topics()
    topic = topics.topic("Frontend", "default/a:80@*")
    listener = listen(topics, ("Frontend", "default/a:80@*"))
    topics.leave(topic, listener)
    assert not topics._topics and not topics._same_service


def test_the_topics_that_a_resource_had_a_part_in() -> None:
    topics = Topics()
    route, other = "HTTPRoute/default/r", "HTTPRoute/shop/r"
    topics.update([entry("Frontend", "default/a:80@*", "1", origin=route)])
    topics.update([entry("Frontend", "default/a:80@shop", "2", origin=other)])
    listen(topics, ("Frontend", "default/a:80@shop"), ("Frontend", "default/a:80@x"))
    assert [repr(topic) for topic in topics.shaped_by(Ref.parse(route))] == ["Frontend default/a:80@x"]
    assert [repr(topic) for topic in topics.shaped_by(Ref.parse(other))] == ["Frontend default/a:80@shop"]
    topics.update([], [("Frontend", "default/a:80@shop")])
    assert topics.shaped_by(Ref.parse(other)) == [] and Ref.parse(other) not in topics._by_origin
