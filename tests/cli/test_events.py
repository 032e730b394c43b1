import itertools
import json
import time
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli.events import following, line, moment
from weft.client.errors import ControllerUnreachable
from weft.client.types import Event, EventPage

NOON = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))


def event(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "at": NOON, "kind": "ejected", "subject": "default/api-0", "text": "5 in a row", **more}


def page(*events: dict[str, Any], last: int = 0, lost: int = 0, more: bool = False) -> dict[str, Any]:
    return {"events": list(events), "last": last or len(events), "lost": lost, "more": more}


def test_one_line_per_event_and_filters_are_the_controllers(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/events"] = page(event(1, severity="warning"))
    done = weft("events", "api", "--kind", "ejected", "--severity", "warning", "--limit", "5")
    assert done.lines[0].split() == ["TIME", "KIND", "SUBJECT", "WHAT"]
    assert done.lines[1].split(None, 2)[2] == "ejected  default/api-0  warning: 5 in a row"
    assert controller.asked[0][1] == "/v1/events?limit=5&kind=ejected&subject=api&severity=warning"


def test_nothing_happened_is_no_table(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/events"] = page()
    done = weft("events")
    assert (done.status, done.out, done.err) == (0, "", "no events\n")
    assert json.loads(weft("events", "-o", "json").out) == []


@pytest.mark.parametrize(("form", "first"), [("json", '{"id": '), ("yaml", "---"), ("table", "2026-05-04 12:00:00")])
def test_following_prints_each_as_it_comes(weft: Weft, controller: Fake, form: str, first: str) -> None:
    """The controller ends here, and that is said."""
    answers = iter([page(event(1)), page(event(2), last=2)])
    controller.answers = Turns(answers)  # type: ignore[assignment]
    done = weft("events", "-f", "-o", form)
    assert done.status == 1 and "error: no such page" in done.err
    assert len([text for text in done.lines if text.startswith(first)]) == 2


def test_an_event_that_comes_does_not_steer_the_terminal(weft: Weft, controller: Fake) -> None:
    controller.answers = Turns(iter([page(event(1, text="\x1b[2J\nGET /"))]))  # type: ignore[assignment]
    assert weft("events", "-f").lines[0].endswith("?[2J GET /")


class Turns(dict[str, Any]):
    """One answer after the other, then none."""

    def __init__(self, answers: Any) -> None:
        self.answers = answers

    def get(self, key: str, default: Any = None) -> Any:
        return next(self.answers, (404, {"error": "no such page", "hint": None, "problems": []}))


class Paged:
    """A mesh whose pages are given."""

    def __init__(self, *pages: EventPage | ControllerUnreachable) -> None:
        self.pages, self.asked = iter(pages), list[int]()

    def event_page(self, after: int = 0, **_: Any) -> EventPage:
        self.asked.append(after)
        page = next(self.pages)
        if isinstance(page, ControllerUnreachable):
            raise page
        return page


def numbers(mesh: Paged, after: int, count: int) -> list[int]:
    found = following(mesh, after, pause=lambda: mesh.asked.append(-1))  # type: ignore[arg-type]
    return [event.id for event in itertools.islice(found, count)]


def test_following_reads_on_also_through_events_that_others_asked_for() -> None:
    mesh = Paged(EventPage((Event(4, "x"),), last=9), EventPage((), last=12), EventPage((Event(13, "x"),), last=13))
    assert numbers(mesh, 3, 2) == [4, 13]
    assert mesh.asked == [3, 9, 12]


def test_a_full_page_is_read_on_from_its_end() -> None:
    mesh = Paged(EventPage((Event(4, "x"),), last=9, more=True), EventPage((Event(5, "x"),), last=9))
    assert numbers(mesh, 3, 2) == [4, 5]
    assert mesh.asked == [3, 4]


def test_a_restarted_controller_counts_anew(capsys: pytest.CaptureFixture[str]) -> None:
    mesh = Paged(EventPage((), last=2), EventPage((Event(1, "x"), Event(2, "x")), last=2))
    assert numbers(mesh, 700, 2) == [1, 2]
    assert capsys.readouterr().err == "the controller was restarted: what it had seen before is gone\n"


def test_a_controller_that_went_is_waited_for_and_that_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    gone = ControllerUnreachable("no controller answers")
    mesh = Paged(gone, gone, EventPage((Event(4, "x"),), last=4))
    assert numbers(mesh, 3, 1) == [4]
    assert mesh.asked == [3, -1, 3, -1, 3]
    assert capsys.readouterr().err == "no controller answers; waiting for it\n"


def test_lost_events_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert numbers(Paged(EventPage((Event(2000, "x"),), last=2000, lost=999)), 1, 1) == [2000]
    assert "999 events were lost" in capsys.readouterr().err


def test_a_line_stays_in_80_columns_for_usual_names() -> None:
    shown = line(Event(1, "attached", NOON, "default/reviews-v2-0", "default/reviews v2"), NOON)
    assert shown == "12:00:00  attached        default/reviews-v2-0  default/reviews v2"


def test_another_day_is_named() -> None:
    assert moment(NOON, NOON + 3600) == "12:00:00"
    assert moment(NOON, NOON + 86_400) == "2026-05-04 12:00:00"
