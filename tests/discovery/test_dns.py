"""What a name means, with the answers of DNS given."""

from __future__ import annotations

import asyncio

import pytest

from weft.discovery.dns import MAX_TARGETS, TARGETS_AT_ONCE, Dns
from weft.discovery.lookup import Record, Records
from weft.discovery.source import Answer, Failed
from weft.resources.source import DnsSource


class Answers:
    """Of DNS: (name, type) to records; what is missing does not exist."""

    def __init__(self, **given: Records | Failed) -> None:
        self.given = given
        self.asked: list[tuple[str, str, str]] = []

    async def __call__(self, name: str, type_: str, server: str) -> Records:
        self.asked.append((name, type_, server))
        found = self.given.get(f"{type_}_{name.partition('.')[0].lstrip('_')}")
        if isinstance(found, Failed):
            raise found
        return found or Records((), 7, f"{name}: there is no such name (NXDOMAIN)")


def records(*targets: str, ttl: float = 60) -> Records:
    return Records(tuple(Record(target) for target in targets), ttl)


def srv(*given: tuple[str, int, int, int], ttl: float = 60) -> Records:
    return Records(tuple(Record(*each) for each in given), ttl)


def source(answers: Answers, local: dict[str, list[str]] | None = None, chance: float = 0.0, **spec: object) -> Dns:
    return Dns(DnsSource.model_validate({"name": "db.example.com", **spec}), answers, (local or {}).get, lambda: chance)


async def found(dns: Dns) -> list[tuple[str, int, int, int]]:
    """(address, port, priority, weight)"""
    answer = await dns.ask()
    parts = (part for part in answer.parts.values() if not isinstance(part, Failed))
    return [(e.address, e.port, e.priority, e.weight) for part in parts for e in part]


async def failure(dns: Dns) -> Failed:
    with pytest.raises(Failed) as caught:
        await dns.ask()
    return caught.value


async def test_both_families_are_asked_and_either_will_do() -> None:
    answers = Answers(A_db=records("192.0.2.8", "192.0.2.7"), AAAA_db=records("2001:db8::7"))
    both = [("192.0.2.7", 0, 0, 1), ("192.0.2.8", 0, 0, 1), ("2001:db8::7", 0, 0, 1)]
    assert await found(source(answers)) == both
    assert await found(source(answers, type="AAAA", port=5432)) == [("2001:db8::7", 5432, 0, 1)]
    assert await found(source(Answers(AAAA_db=records("2001:db8::7")))) == [("2001:db8::7", 0, 0, 1)]


async def test_a_family_that_cannot_be_asked_hides_nothing_and_is_asked_again_soon() -> None:
    answer = await source(Answers(A_db=records("192.0.2.7"), AAAA_db=Failed("SERVFAIL"))).ask()
    assert [e.address for e in answer.parts["A"]] == ["192.0.2.7"]  # type: ignore[union-attr]
    assert str(answer.parts["AAAA"]) == "SERVFAIL"
    assert (answer.valid_s, answer.again_s) == (60, 5)


# TTL, chance → how long it holds, when it is asked again.
TIMES = [(60, 0.0, 60, 48), (60, 1.0, 60, 57), (0, 0.0, 1, 0.8), (86_400, 0.0, 300, 240)]


@pytest.mark.parametrize(("ttl", "chance", "valid", "again"), TIMES)
async def test_it_is_asked_again_before_the_ttl_is_over(ttl: float, chance: float, valid: float, again: float) -> None:
    answer: Answer = await source(Answers(A_db=records("192.0.2.7", ttl=ttl)), chance=chance).ask()
    assert (answer.valid_s, answer.again_s) == (valid, pytest.approx(again))


async def test_of_several_answers_the_shortest_ttl_counts() -> None:
    both = Answers(A_db=records("192.0.2.7", ttl=60), AAAA_db=records("2001:db8::7", ttl=10))
    assert (await source(both).ask()).valid_s == 10


async def test_no_such_name_and_no_record_are_failures_that_hold_for_a_while() -> None:
    none = await failure(source(Answers()))
    assert (str(none), none.again_s) == ("db.example.com: there is no such name (NXDOMAIN)", 7)
    long = Answers(A_db=Records((), 3_600, "no A"), AAAA_db=Records((), 3_600, "no AAAA"))
    empty = await failure(source(long))
    assert (str(empty), empty.again_s) == ("no A; no AAAA", 30)


async def test_nobody_who_answers_is_a_failure_with_no_time_of_its_own() -> None:
    dead = await failure(source(Answers(A_db=Failed("timeout"), AAAA_db=Failed("timeout"))))
    assert (str(dead), dead.again_s) == ("timeout", None)


async def test_an_answer_that_leads_to_whoever_asks_is_a_failure_of_its_family() -> None:
    answers = Answers(A_db=records("192.0.2.7", "127.0.0.1"), AAAA_db=records("2001:db8::7"))
    answer = await source(answers).ask()
    assert "127.0.0.1 is whoever uses it" in str(answer.parts["A"])
    assert [e.address for e in answer.parts["AAAA"]] == ["2001:db8::7"]  # type: ignore[union-attr]
    near = Answers(AAAA_db=records("fe80::1"))
    assert "db.example.com AAAA: fe80::1 is link-local" in str(await failure(source(near)))
    own = source(answers, server="127.0.0.1:8600")
    assert [place[0] for place in await found(own)] == ["127.0.0.1", "192.0.2.7", "2001:db8::7"]


SRV = {"name": "_pg._tcp.example.com"}


async def test_a_target_does_not_lead_to_whoever_asks_by_a_name_of_this_machine() -> None:
    answers = Answers(SRV_pg=srv(("localhost.", 15080, 0, 0)))
    said = await failure(source(answers, {"localhost.": ["127.0.0.1"]}, **SRV))
    assert "127.0.0.1 is whoever uses it" in str(said)


async def test_targets_are_bounded_and_asked_a_few_at_once() -> None:
    at_once = most = 0

    class Slow(Answers):
        async def __call__(self, name: str, type_: str, server: str) -> Records:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1
            return await super().__call__(name, type_, server)

    answers = Slow(SRV_pg=srv(*((f"db{n}.x.", 1, 0, 0) for n in range(MAX_TARGETS))), A_db7=records("192.0.2.7"))
    assert await found(source(answers, **SRV)) == [("192.0.2.7", 1, 0, 1)]
    assert most <= 2 * TARGETS_AT_ONCE
    answers.given["SRV_pg"] = srv(*((f"db{n}.x.", 1, 0, 0) for n in range(MAX_TARGETS + 1)))
    assert "1001 targets, and 1000 are the most" in str(await failure(source(answers, **SRV)))


async def test_srv_gives_ports_priorities_and_weights() -> None:
    answers = Answers(
        SRV_pg=srv(("db1.x.", 5432, 10, 60), ("db2.x.", 5433, 10, 0), ("db3.x.", 5434, 30, 5)),
        A_db1=records("192.0.2.1"),
        AAAA_db1=records("2001:db8::1"),
        A_db2=records("192.0.2.2"),
        A_db3=records("192.0.2.3"),
    )
    assert await found(source(answers, **SRV)) == [
        ("192.0.2.1", 5432, 0, 60),
        ("2001:db8::1", 5432, 0, 60),
        ("192.0.2.2", 5433, 0, 1),
        ("192.0.2.3", 5434, 1, 5),
    ]


async def test_a_rotated_answer_is_the_same_set() -> None:
    given = [("db2.x.", 1, 0, 7), ("db1.x.", 2, 0, 7)]
    answers = Answers(A_db1=records("192.0.2.1"), A_db2=records("192.0.2.2"))
    seen = []
    for order in (given, given[::-1]):
        answers.given["SRV_pg"] = srv(*order)
        seen.append(await found(source(answers, **SRV)))
    assert seen[0] == seen[1] == [("192.0.2.1", 2, 0, 1), ("192.0.2.2", 1, 0, 1)]


async def test_equal_weights_are_none() -> None:
    answers = Answers(SRV_pg=srv(("db1.x.", 1, 0, 7), ("db2.x.", 1, 0, 7)), A_db1=records("192.0.2.1"))
    assert await found(source(answers, **SRV)) == [("192.0.2.1", 1, 0, 1)]


async def test_a_target_that_cannot_be_asked_hides_no_other() -> None:
    answers = Answers(
        SRV_pg=srv(("db1.x.", 1, 0, 0), ("db2.x.", 1, 0, 0)),
        A_db1=records("192.0.2.1"),
        A_db2=Failed("timeout"),
        AAAA_db2=Failed("timeout"),
    )
    assert await found(source(answers, **SRV)) == [("192.0.2.1", 1, 0, 1)]


async def test_a_service_that_is_not_offered_is_a_failure() -> None:
    said = await failure(source(Answers(SRV_pg=srv((".", 0, 0, 0))), **SRV))
    assert "it is not offered" in str(said)
    assert "NXDOMAIN" in str(await failure(source(Answers(), **SRV)))


async def test_what_this_machine_knows_is_not_asked_elsewhere() -> None:
    answers, local = Answers(A_db=records("192.0.2.7")), {"db.example.com": ["127.0.0.1", "::1"]}
    assert await found(source(answers, local)) == [("127.0.0.1", 0, 0, 1), ("::1", 0, 0, 1)]
    assert await found(source(answers, local, type="A")) == [("127.0.0.1", 0, 0, 1)]
    assert answers.asked == []
    # A server that was named is meant.
    assert await found(source(answers, local, server="192.0.2.53")) == [("192.0.2.7", 0, 0, 1)]
    assert answers.asked[0] == ("db.example.com", "A", "192.0.2.53:53")


async def test_labels_are_those_of_the_source() -> None:
    answer = await source(Answers(A_db=records("192.0.2.7")), labels={"version": "v2"}).ask()
    [endpoint] = answer.parts["A"]  # type: ignore[misc]
    assert (endpoint.labels, endpoint.source, endpoint.stale) == ({"version": "v2"}, "dns db.example.com", False)
