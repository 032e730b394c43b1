"""How many of the proxies that need an object have applied it."""

from __future__ import annotations

from tests.controller.support import Proxy, entry
from weft.controller.status import Missing, Programmed, programmed
from weft.controller.topics import Topics
from weft.resources.ref import Ref

ROUTE = "HTTPRoute/default/r"
A = "default/a:80@*"


def program(version: str = "1", requires: str = "") -> Topics:
    topics = Topics()
    topics.ready = True
    topics.update([entry("Frontend", A, version, requires=requires, origin=ROUTE)])
    return topics


def proxies(topics: Topics, count: int) -> list[Proxy]:
    made = []
    for number in range(count):
        proxy = Proxy(topics)
        proxy.stream.node = f"default/p-{number}"
        proxy.send("Frontend", A)
        made.append(proxy)
    return made


def condition(topics: Topics) -> tuple[str, str, str]:
    found = programmed(topics, Ref.parse(ROUTE)).condition()
    return found.status, found.reason, found.message


def test_nobody_needs_it() -> None:
    assert condition(program()) == ("True", "NotNeeded", "no connected proxy uses it")


def test_it_counts_who_has_acknowledged() -> None:
    topics = program()
    first, second = proxies(topics, 2)
    assert condition(topics) == ("False", "Pending", "0/2 proxies; not yet: default/p-0, default/p-1")
    first.run()
    assert condition(topics) == ("Partial", "Pending", "1/2 proxies; not yet: default/p-1")
    second.run()
    assert condition(topics) == ("True", "Programmed", "2/2 proxies")
    topics.update([entry("Frontend", A, "2", origin=ROUTE)])
    assert condition(topics)[:2] == ("False", "Pending")


def test_who_rejected_it_is_named_with_the_reason() -> None:
    topics = program()
    first, second = proxies(topics, 2)
    second.refuse = {"1"}
    first.run()
    second.run()
    assert condition(topics)[:2] == ("Partial", "Rejected")
    assert programmed(topics, Ref.parse(ROUTE)).missing == (
        Missing("default/p-1", "Rejected", "rejected Frontend default/a:80@*: no", ("x",)),
    )


def test_who_lacks_a_capability_is_named_with_it() -> None:
    topics = program(requires="route.hedge")
    (proxy,) = proxies(topics, 1)
    proxy.run()
    (missing,) = programmed(topics, Ref.parse(ROUTE)).missing
    assert missing.capabilities == ("route.hedge",) and "lacks route.hedge" in missing.reason
    assert condition(topics)[:2] == ("False", "Lacking")


def test_a_stream_that_has_ended_does_not_count() -> None:
    topics = program()
    (proxy,) = proxies(topics, 1)
    proxy.stream.close()
    assert programmed(topics, Ref.parse(ROUTE)) == Programmed()


def test_an_inbound_asked_for_by_somebody_else_does_not_count() -> None:
    topics = Topics()
    topics.ready = True
    topics.update([entry("Inbound", "default/a-0", "1", origin=ROUTE)])
    owner, thief = Proxy(topics), Proxy(topics, lambda kind, name: False)
    for number, proxy in enumerate((owner, thief)):
        proxy.stream.node = f"default/p-{number}"
        proxy.send("Inbound", "default/a-0")
        proxy.run()
    assert condition(topics) == ("True", "Programmed", "1/1 proxies")


def test_what_is_not_compiled_is_unknown() -> None:
    assert Programmed().not_compiled().status == "Unknown"
