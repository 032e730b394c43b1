"""How discovery stands, in the words of a condition and of REST."""

from __future__ import annotations

from tests.discovery.support import service
from weft.compiler.model import Discovered
from weft.discovery.keeper import Found
from weft.discovery.known import Known
from weft.discovery.report import condition, sources_json
from weft.discovery.source import Answer

NAME = "dns a.x"


def found(*, failure: str = "", now: float = 0, endpoints: int = 2, asked: bool = True) -> Found:
    made = Found(service("a.x"))
    known = made.known[NAME] = Known(NAME)
    if endpoints:
        parts = {"A": tuple(Discovered(NAME, f"192.0.2.{n}") for n in range(endpoints))}
        known.answered(Answer(parts, 60, 50), 0, 1_000)
    if failure:
        known.failed(failure)
    known.asked = asked
    made.told = made.endpoints(now)
    return made


def shown(of: Found) -> str:
    said = condition(of, 1_070)
    return f"{said.status} {said.reason}: {said.message}"


def test_the_condition_says_how_it_stands():
    assert shown(found()) == "True Discovered: 2 endpoints"
    assert shown(found(endpoints=0, asked=False)) == "Unknown Asking: its sources have not answered yet"
    assert shown(found(failure="SERVFAIL")) == "Partial Failing: SERVFAIL (last answer 70 s ago)"
    stale = "Partial Stale: SERVFAIL (last answer 70 s ago); 2 of 2 endpoints are stale"
    assert shown(found(failure="SERVFAIL", now=60)) == stale
    assert shown(found(failure="SERVFAIL", endpoints=0)) == "False NothingFound: SERVFAIL"


def test_a_source_says_what_it_found_and_how_that_is():
    of = found(failure="SERVFAIL", now=60)
    of.answers = {("192.0.2.1", 0): True}
    of.told = of.endpoints(60)
    [source] = sources_json(of)
    assert (source["source"], source["state"], source["problem"]) == (NAME, "stale", "SERVFAIL")
    assert [(e["address"], e["port"], e["health"], e["stale"], e["answers"]) for e in source["endpoints"]] == [
        ("192.0.2.0", None, "unknown", True, None),
        ("192.0.2.1", None, "healthy", True, True),
    ]
    states = [found(), found(failure="x"), found(endpoints=0, asked=False)]
    assert [sources_json(each)[0]["state"] for each in states] == ["fresh", "failing", "pending"]
