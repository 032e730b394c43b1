"""One proxy's subscriptions, as transcripts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.controller.support import Proxy, entry, service
from weft.compiler.model import Key
from weft.controller import stream as module
from weft.controller.slots import Refused
from weft.controller.topics import Entry, Topics
from weft.v1 import discovery_pb2

A, B = "default/a:80@*", "default/b:80@*"


def program(*entries: list[Entry]) -> Topics:
    topics = Topics()
    topics.update([one for group in entries for one in group])
    topics.ready = True
    return topics


def test_a_frontend_brings_what_it_names_first() -> None:
    proxy = Proxy(program(service("a")))
    proxy.send("Frontend", A)
    assert proxy.woken
    assert proxy.run() == [
        "+ Endpoints default/a:80 = a-e1",
        "+ Backend default/a:80 = a-b1",
        "+ Frontend default/a:80@* = a-f1",
    ]
    assert proxy.stream.pending == [] and proxy.run() == []


def test_a_client_namespace_gets_the_answer_under_the_name_it_asked_for() -> None:
    proxy = Proxy(program(service("a")))
    proxy.send("Frontend", "default/a:80@shop")
    assert proxy.run()[-1] == "+ Frontend default/a:80@shop = a-f1"


def test_an_unknown_name_is_absent_and_comes_when_it_exists() -> None:
    topics = program()
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    assert proxy.run() == ["- Frontend default/a:80@*"]
    topics.update(service("a"))
    assert proxy.run()[-1] == "+ Frontend default/a:80@* = a-f1"


def test_before_the_first_program_nothing_is_absent() -> None:
    topics = program()
    topics.ready = False
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    assert proxy.take() is None and len(proxy.stream.pending) == 1
    topics.update(service("a"))
    topics.ready = True
    proxy.stream.refresh()
    assert len(proxy.run()) == 3


def test_a_change_of_endpoints_moves_nothing_else() -> None:
    topics = program(service("a"), service("b"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A, B)
    proxy.run()
    topics.update([entry("Endpoints", "default/a:80", "a-e2")])
    assert proxy.run() == ["+ Endpoints default/a:80 = a-e2"]


def test_a_slow_proxy_gets_the_newest_version_once() -> None:
    topics = program(service("a"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    proxy.run()
    for version in range(2, 50):
        topics.update([entry("Endpoints", "default/a:80", f"a-e{version}")])
    assert proxy.run() == ["+ Endpoints default/a:80 = a-e49"]


def test_a_proxy_that_never_answers_is_not_written_to_for_ever() -> None:
    topics = program(service("a"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    taken = []
    for version in range(2, 100):
        topics.update([entry("Endpoints", "default/a:80", f"a-e{version}")])
        while (response := proxy.take()) is not None:
            taken.append(response)
    assert len(taken) == module.MAX_UNACKNOWLEDGED
    for response in taken:
        proxy.answer(response)
    assert proxy.run() == ["+ Endpoints default/a:80 = a-e99"]


def test_new_destinations_come_before_the_route_and_old_ones_leave_after_it() -> None:
    topics = program(service("a"), service("b"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    proxy.run()
    topics.update(service("a", "2", "b"))
    assert proxy.run() == [
        "+ Endpoints default/b:80 = b-e1",
        "+ Backend default/b:80 = b-b1",
        "+ Frontend default/a:80@* = a-f2",
        "- Backend default/a:80",
        "- Endpoints default/a:80",
    ]


def test_old_destinations_stay_fresh_while_the_new_route_is_refused() -> None:
    topics = program(service("a"), service("b"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    proxy.run()
    proxy.refuse = {"a-f2"}
    topics.update(service("a", "2", "b"))
    assert proxy.run()[-1] == "! Frontend default/a:80@* = a-f2"
    topics.update([entry("Endpoints", "default/a:80", "a-e7")])
    assert proxy.run() == ["+ Endpoints default/a:80 = a-e7"]
    topics.update(service("a", "3", "b"))
    assert proxy.run() == ["+ Frontend default/a:80@* = a-f3", "- Backend default/a:80", "- Endpoints default/a:80"]


def test_a_refusal_is_kept_by_name_and_the_rest_is_applied() -> None:
    topics = program(service("a"), service("b"))
    proxy = Proxy(topics)
    proxy.refuse = {"a-b1"}
    proxy.send("Frontend", A, B)
    log = proxy.run()
    assert "! Backend default/a:80 = a-b1" in log and "+ Backend default/b:80 = b-b1" in log
    slot = proxy.stream.slots[topics.topic("Backend", "default/a:80")]
    assert slot.rejection is not None and (slot.rejection.reason, slot.rejection.missing) == ("no", ("x",))
    assert proxy.run() == []
    topics.update([entry("Backend", "default/a:80", "a-b2")])
    assert proxy.run() == ["+ Backend default/a:80 = a-b2"] and slot.rejection is None


def test_what_a_proxy_cannot_enforce_is_not_sent_and_the_last_good_one_stays() -> None:
    topics = program(service("a"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A, features="h2")
    proxy.run()
    topics.update([entry("Backend", "default/a:80", "a-b2", requires="h2 hedging")])
    assert proxy.run() == []
    topic = topics.topic("Backend", "default/a:80")
    slot = proxy.stream.slots[topic]
    assert slot.withheld == {"hedging"} and slot.acked == "a-b1" and proxy.stream.pending == [topic]
    proxy.send("Mesh", features="h2 hedging")
    assert proxy.run() == ["+ Backend default/a:80 = a-b2"]


def test_a_frontend_that_is_withheld_brings_nothing() -> None:
    topics = program(service("b"), [entry("Frontend", A, "a-f1", ("Backend", "default/b:80"), requires="x")])
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    assert proxy.run() == []


def test_a_reconnected_proxy_gets_only_what_changed() -> None:
    topics = program(service("a"), service("b"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A, B)
    proxy.run()
    proxy.stream.close()
    topics.update([entry("Endpoints", "default/a:80", "a-e2")])
    proxy.connect()
    proxy.send("Endpoints", held=True)
    proxy.send("Backend", held=True)
    proxy.send("Frontend", A, B, held=True)
    assert proxy.run() == ["+ Endpoints default/a:80 = a-e2"]
    assert proxy.stream.pending == []


def test_the_order_of_the_first_requests_does_not_matter() -> None:
    topics = program(service("a"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    proxy.run()
    proxy.stream.close()
    proxy.connect()
    proxy.send("Backend", held=True)
    assert proxy.run() == []
    proxy.send("Frontend", A, held=True)
    proxy.send("Endpoints", held=True)
    assert proxy.run() == []


def test_what_a_reconnected_proxy_holds_for_nothing_is_taken_back() -> None:
    topics = program(service("a"), service("b"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    proxy.run()
    proxy.stream.close()
    topics.update(service("a", "2", "b"))
    proxy.connect()
    for kind in ("Endpoints", "Backend"):
        proxy.send(kind, held=True)
    proxy.send("Frontend", A, held=True)
    log = proxy.run()
    assert log[-3:] == ["+ Frontend default/a:80@* = a-f2", "- Backend default/a:80", "- Endpoints default/a:80"]


def test_what_a_reconnected_proxy_runs_stays_fresh_while_it_refuses_the_new() -> None:
    topics = program(service("a"), service("b"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    proxy.run()
    proxy.stream.close()
    topics.update(service("a", "2", "b"))
    proxy.refuse = {"a-f2"}
    proxy.connect()
    for kind in ("Endpoints", "Backend"):
        proxy.send(kind, held=True)
    proxy.send("Frontend", A, held=True)
    proxy.run()
    topics.update([entry("Endpoints", "default/a:80", "a-e9")])
    assert proxy.run() == ["+ Endpoints default/a:80 = a-e9"]


def test_a_name_asked_for_again_is_sent_again() -> None:
    topics = program(service("a"))
    proxy = Proxy(topics)
    proxy.send("Backend", "default/a:80")
    proxy.run()
    proxy.send("Backend", "default/a:80")
    assert proxy.run() == ["+ Backend default/a:80 = a-b1"]


def test_what_was_refused_is_not_sent_again_for_the_asking() -> None:
    proxy = Proxy(program(service("a")))
    proxy.refuse = {"a-b1"}
    proxy.send("Frontend", A)
    proxy.run()
    proxy.send("Backend", "default/a:80")
    assert proxy.run() == []
    proxy.send("Endpoints", "default/a:80")
    assert proxy.run() == ["+ Endpoints default/a:80 = a-e1"]


def test_what_is_no_longer_asked_for_is_forgotten_with_what_it_named() -> None:
    topics = program(service("a"), service("b", "1", "a"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A, B)
    proxy.run()
    proxy.send("Frontend", drop=(A,))
    assert {topic.name for topic in proxy.stream.slots} == {B, "default/a:80"}
    proxy.send("Frontend", drop=(B, "default/never:80@*"))
    assert proxy.stream.slots == {} and topics._topics == {}
    topics.update(service("a", "2"))
    assert proxy.run() == []


def test_a_frontend_that_vanishes_takes_along_what_it_named() -> None:
    topics = program(service("a"))
    proxy = Proxy(topics)
    proxy.send("Frontend", A)
    proxy.run()
    topics.update([], [("Frontend", A), ("Backend", "default/a:80"), ("Endpoints", "default/a:80")])
    assert proxy.run() == ["- Frontend default/a:80@*", "- Backend default/a:80", "- Endpoints default/a:80"]
    assert [topic.name for topic in proxy.stream.slots] == [A]


def test_an_inbound_of_somebody_else_is_absent_and_the_stream_lives() -> None:
    topics = program([entry("Inbound", "default/a-0", "1"), entry("Inbound", "default/b-0", "1")], service("a"))
    proxy = Proxy(topics, lambda kind, name: kind != "Inbound" or name == "default/a-0")
    proxy.send("Inbound", "default/a-0", "default/b-0")
    proxy.send("Frontend", A)
    log = proxy.run()
    assert log[0] == "+ Inbound default/a-0 = 1" and "- Inbound default/b-0" in log and len(log) == 5


def test_large_programs_travel_in_several_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RESPONSE_BYTES", 300)
    topics = program(*(service(f"s{number}") for number in range(20)))
    proxy = Proxy(topics)
    proxy.send("Frontend", *(f"default/s{number}:80@*" for number in range(20)))
    sizes = []
    while (response := proxy.take()) is not None:
        sizes.append(response.ByteSize())
        proxy.answer(response)
    assert len(sizes) > 10 and max(sizes) < 500 and len(proxy.held) == 60


def test_an_engine_that_cannot_name_what_it_refuses_keeps_its_old_state() -> None:
    topics = program(service("a"))
    proxy = Proxy(topics)
    proxy.send("Backend", "default/a:80")
    response = proxy.take()
    assert response is not None
    nack = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
    nack.error_detail.message = "cannot parse"
    proxy.stream.receive(nack)
    (slot,) = proxy.stream.slots.values()
    assert slot.rejection is not None and slot.rejection.reason == "cannot parse" and slot.acked is None


@pytest.mark.parametrize("names", [["x" * 1000], [str(number) for number in range(20_000)]])
def test_there_is_a_limit_to_what_one_proxy_may_ask_for(names: list[str]) -> None:
    proxy = Proxy(program())
    with pytest.raises(Refused):
        proxy.send("Backend", *names)


def test_an_answer_to_nothing_is_ignored() -> None:
    proxy = Proxy(program(service("a")))
    proxy.stream.receive(
        discovery_pb2.DeltaDiscoveryRequest(type_url="type.googleapis.com/weft.v1.Backend", response_nonce="77")
    )
    assert proxy.run() == []


names = st.sampled_from(["a", "b", "c"])
steps = st.one_of(
    st.tuples(st.just("put"), names, st.integers(1, 3), st.lists(names, max_size=2, unique=True)),
    st.tuples(st.sampled_from(["remove", "subscribe", "drop", "take", "run", "refuse", "reconnect"]), names),
)


def play(topics: Topics, proxy: Proxy, asked: set[str], step: tuple[object, ...]) -> None:
    action, name = str(step[0]), str(step[1])
    frontend = f"default/{name}:80@*"
    if action == "put":
        backends = [str(one) for one in step[3]]  # type: ignore[attr-defined]
        topics.update(service(name, f"{step[2]}{''.join(backends)}", *backends))
    elif action == "remove":
        keys: list[Key] = [
            ("Frontend", frontend),
            ("Backend", f"default/{name}:80"),
            ("Endpoints", f"default/{name}:80"),
        ]
        topics.update([], keys)
    elif action == "subscribe":
        proxy.send("Frontend", frontend)
        asked.add(frontend)
    elif action == "drop":
        proxy.send("Frontend", drop=(frontend,))
        asked.discard(frontend)
        proxy.held.pop(("Frontend", frontend), None)
        proxy.needs.pop(("Frontend", frontend), None)
    elif action == "take":
        if (response := proxy.take()) is not None:
            proxy.answer(response)
    elif action == "run":
        proxy.run()
    elif action == "refuse":
        proxy.refuse ^= {f"{name}-f1", f"{name}-b2"}
    else:
        proxy.stream.close()
        proxy.forget_what_is_not_in_force()
        proxy.connect()
        proxy.send("Endpoints", held=True)
        proxy.send("Backend", held=True)
        proxy.send("Frontend", *asked, held=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=30))
def test_after_any_history_a_proxy_has_what_it_asked_for_and_what_that_names(history: list[tuple[object, ...]]) -> None:
    topics = program(service("a"))
    proxy, asked = Proxy(topics), set[str]()
    for step in history:
        play(topics, proxy, asked, step)
    proxy.run()
    for name in asked:
        found = topics.find("Frontend", name)
        slot = proxy.stream.slots[topics.topic("Frontend", name)]
        if found is None:
            assert ("Frontend", name) not in proxy.held
            continue
        if slot.rejection is None:
            assert proxy.held["Frontend", name] == found.version
        # Whatever frontend is in force, its destinations are followed: at the newest version, refused, or absent.
        for need in proxy.needs.get(("Frontend", name), ()):
            current = topics.find(*need)
            followed = proxy.stream.slots[topics.topic(*need)]
            assert followed.sent == (current.version if current else "")
    # Nothing is followed for nothing.
    assert all(slot.wanted or slot.named_by > 0 for slot in proxy.stream.slots.values())
    proxy.stream.close()
    assert topics._topics == {}
