"""The live graph."""

from __future__ import annotations

import pytest

from weft.observe import edges as module
from weft.observe.counters import FAILURES, REQUESTS
from weft.observe.edges import EdgeBook, EdgeId, End
from weft.v1 import control_pb2

NOW = 1_000_000.0


def edge(
    requests: int, source: str = "default/web-0", destination: str = "default/api-0", side: str = "source", **more: int
) -> control_pb2.Edge:
    def service(workload: str) -> str:
        return workload.rpartition("-")[0]

    key = control_pb2.EdgeKey(
        side=side,
        source_workload=source,
        source_service=service(source),
        source_version="v1" if source else "",
        destination_service=service(destination),
        destination_workload=destination,
        destination_version="v2",
        tls="mtls",
        protocol="http",
        port=80,
    )
    return control_pb2.Edge(key=key, requests=requests, **more)  # type: ignore[arg-type]


def report(
    sequence: int, *edges: control_pb2.Edge, epoch: int = 1, reporter: str = "default/web-0"
) -> control_pb2.TelemetryReport:
    return control_pb2.TelemetryReport(reporter=reporter, epoch=epoch, sequence=sequence, edges=edges)


def requests(book: EdgeBook, now: float = NOW + 5, seconds: float = 60, by: module.By = "service") -> dict[str, int]:
    return {
        f"{view.id.source.service or '?'}>{view.id.destination.service}": view.counters.get(REQUESTS, 0)
        for view in book.edges(now, seconds, by)
    }


def test_cumulative_counters_become_what_happened() -> None:
    book = EdgeBook()
    for second, total in enumerate((5, 9, 20), 1):
        assert book.record(report(second, edge(total, failures=total // 5)), NOW + second)
    (view,) = book.edges(NOW + 4, 60)
    assert view.counters == {REQUESTS: 20, FAILURES: 4}
    assert requests(book, NOW + 4, seconds=1.5) == {"default/web>default/api": 11}


@pytest.mark.parametrize("sequences", [(1, 2, 2, 3), (1, 2, 3, 1, 2), (1, 3)])
def test_a_lost_or_repeated_report_changes_nothing(sequences: tuple[int, ...]) -> None:
    book = EdgeBook()
    for sequence in sequences:
        book.record(report(sequence, edge(10 * sequence)), NOW)
    assert requests(book) == {"default/web>default/api": 30}


def test_a_new_epoch_counts_from_zero_and_the_old_one_may_still_drain() -> None:
    book = EdgeBook()
    book.record(report(1, edge(10)), NOW)
    book.record(report(1, edge(3), epoch=2), NOW)
    book.record(report(2, edge(11)), NOW)
    assert requests(book) == {"default/web>default/api": 14}


def test_after_our_own_restart_old_counts_are_not_new_traffic() -> None:
    book = EdgeBook()
    book.record(report(500, edge(1_000_000)), NOW)
    assert requests(book) == {}
    book.record(report(501, edge(1_000_007)), NOW + 1)
    assert requests(book) == {"default/web>default/api": 7}


def test_the_callees_record_counts_only_for_callers_without_a_proxy() -> None:
    book = EdgeBook()
    book.record(report(1, edge(10)), NOW)
    seen = (edge(10, side="destination"), edge(4, source="", side="destination"))
    book.record(report(1, *seen, reporter="default/api-0"), NOW)
    assert requests(book) == {"?>default/api": 4, "default/web>default/api": 10}


def test_the_graph_merges_workloads_unless_asked_not_to() -> None:
    book = EdgeBook()
    book.record(report(1, edge(1), edge(2, destination="default/api-1"), edge(4, source="default/web-1")), NOW)
    assert requests(book) == {"default/web>default/api": 7}
    assert len(book.edges(NOW, 60, "workload")) == 3
    (version,) = book.edges(NOW, 60, "version")
    assert version.id.destination == End("", "default/api", "v2")


def test_what_leads_to_one_service_is_added_up() -> None:
    book = EdgeBook()
    book.record(report(1, edge(1), edge(2, source="default/cron-0"), edge(4, destination="default/kv-0")), NOW)
    found = book.towards(NOW, 60)
    assert [(end.service, counters[REQUESTS]) for end, counters in found] == [("default/api", 3), ("default/kv", 4)]


def test_a_pure_client_keeps_its_name() -> None:
    merged = EdgeId("source", End("default/cron", "", "v1"), End("default/api-0", "default/api", "")).merged("service")
    assert merged.source == End("default/cron", "", "") and merged.destination == End("", "default/api", "")


def test_history_has_a_point_per_step() -> None:
    book = EdgeBook()
    for second in range(1, 31):
        book.record(report(second, edge(second)), NOW + second)
    points = book.history(NOW + 31, 60, 10, destination="default/api")
    assert [counters[REQUESTS] for _, counters in points] == [9, 10, 10, 1]
    assert book.history(NOW + 31, 60, 10, destination="default/other") == []


def test_silent_edges_are_forgotten() -> None:
    book = EdgeBook()
    book.record(report(1, edge(1)), NOW)
    book.forget(NOW + 7200)
    assert not book._rings


def test_there_is_a_limit_to_edges_and_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EDGES", 2)
    book = EdgeBook()
    book.record(report(1, *(edge(1, destination=f"default/api-{n}") for n in range(5))), NOW)
    assert len(book.edges(NOW, 60, "workload")) == 2 and book.dropped == 3


def test_there_is_a_limit_to_epochs_and_reporters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REPORTERS", 3)
    book = EdgeBook()
    for number in range(10):
        book.record(report(1, edge(1), epoch=number), NOW)
        book.record(report(1, edge(1), reporter=f"default/w-{number}"), NOW)
    assert len(book._reporters) == 3
    assert all(len(epochs) <= module.MAX_EPOCHS for epochs in book._reporters.values())
