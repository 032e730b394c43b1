import asyncio
import sys

import pytest

from weft.client.types import Rejection, Sync, Workload
from weft.run.board import Row, lines, rows
from weft.run.children import Child, start
from weft.run.spec import Spec

START = [
    Row("stock", state="ready", health="healthy", mtls="yes"),
    Row("reviews-v1-0", "v1", "starting", "unknown", "yes"),
    Row("reviews-v2-0", "v2", "starting", "unhealthy", "yes", "connection refused at 127.0.0.1:9081 after 3 tries"),
    Row("shop", state="waiting"),
    Row("job", state="failed (3)", error="ModuleNotFoundError: No module named 'flask'"),
]


def test_all_of_it_where_there_is_room() -> None:
    assert lines(START, 120) == [
        "SERVICE       VERSION  STATE       HEALTH     MTLS  LAST ERROR",
        "stock         -        ready       healthy    yes",
        "reviews-v1-0  v1       starting    unknown    yes",
        "reviews-v2-0  v2       starting    unhealthy  yes   connection refused at 127.0.0.1:9081 after 3 tries",
        "shop          -        waiting     -          -",
        "job           -        failed (3)  -          -     ModuleNotFoundError: No module named 'flask'",
    ]


def test_a_long_error_is_cut_at_the_edge_of_a_usual_terminal() -> None:
    assert lines(START, 79)[3:] == [
        "reviews-v2-0  v2       starting    unhealthy  yes   connection refused at 127.…",
        "shop          -        waiting     -          -",
        "job           -        failed (3)  -          -     ModuleNotFoundError: No mo…",
    ]


def test_in_a_narrow_terminal_columns_go_by_their_use_and_errors_get_lines() -> None:
    assert lines(START, 39) == [
        "SERVICE       STATE       HEALTH",
        "stock         ready       healthy",
        "reviews-v1-0  starting    unknown",
        "reviews-v2-0  starting    unhealthy",
        "  connection refused at 127.0.0.1:9081…",
        "shop          waiting     -",
        "job           failed (3)  -",
        "  ModuleNotFoundError: No module named…",
    ]


def test_in_which_nothing_stands_is_no_column() -> None:
    assert lines([Row("a", state="waiting"), Row("b", state="waiting")], 79) == [
        "SERVICE  STATE",
        "a        waiting",
        "b        waiting",
    ]
    assert lines([], 79) == []


@pytest.mark.parametrize("width", [*range(1, 90), 200])
def test_nothing_is_ever_wider_than_the_terminal(width: int) -> None:
    wide = Row("書評" * 20, "v" * 20, "failed (SIGKILL)", "unhealthy", "yes", "多" * 80)
    page = lines([*START, wide], max(width, 20))
    from rich.cells import cell_len

    assert max(map(cell_len, page)) <= max(width, 20)


def test_of_more_than_the_terminal_is_high_those_that_need_an_eye_stay() -> None:
    many = [Row(f"a-{i}", state="ready") for i in range(30)] + [Row("b", state="starting")]
    assert lines(many, 79, 10) == ["SERVICE  STATE", "b        starting", "… of 31 workloads"]
    assert len(lines([Row(f"a-{i}", state="waiting") for i in range(30)], 79, 10)) == 10


def test_colour_marks_the_state_and_nothing_else() -> None:
    ready = Row("ready", state="ready")
    assert lines([ready], 79, coloured=True)[1] == "ready    \033[32mready\033[0m"
    assert lines([Row("a", state="failed (3)")], 79, coloured=True)[1] == "a        \033[31mfailed (3)\033[0m"


def test_a_line_of_an_error_is_one_line() -> None:
    assert lines([Row("a", state="failed (1)", error="one\ntwo")], 79)[1] == "a        failed (1)  one two"


async def child(code: str) -> Child:
    return await start("c", [sys.executable, "-c", code], lambda name, line: None)


def there(name: str, **more: object) -> Workload:
    sync = Sync(connected=True)
    return Workload(f"default/{name}", lease="attached", **{"health": "healthy", "sync": sync, **more})  # type: ignore[arg-type]


async def test_rows_say_what_processes_and_mesh_say() -> None:
    asleep = await child("import signal; signal.pause()")
    told = ["alas", "weft: the app ended with exit code 3", "2026-01-01T00:00:00Z info weft-proxy: drained"]
    died, done = await child(f"print({chr(10).join(told)!r}); raise SystemExit(3)"), await child("")
    await asyncio.gather(died.wait(), done.wait())
    specs = [Spec(name, ports={80: 0}) for name in ("a-0", "a-1", "b-0", "c-0", "d-0", "e-0", "f-0")]
    children = dict.fromkeys(("a-0", "a-1", "b-0", "e-0"), asleep) | {"c-0": died, "d-0": done}
    refused = Sync(connected=True, rejected=(Rejection("Frontend", "default/x:80", reason="too new"),))
    present = [
        there("a-0", identity="spiffe://m/ns/default/sa/a"),
        there("a-1", health="unhealthy", health_reason="refused"),
        there("b-0", sync=refused),
        there("f-0"),
    ]
    try:
        assert rows(specs, children, present, lambda spec: spec.name[0]) == [
            Row("a-0", "", "ready", "healthy", "yes"),
            Row("a-1", "", "starting", "unhealthy", "no", "refused"),
            Row("b", "", "starting", "healthy", "no", "refused default/x:80: too new"),
            Row("c", "", "failed (3)", error="alas"),
            Row("d", "", "ended"),
            Row("e", "", "starting"),
            Row("f", "", "waiting"),
        ]
    finally:
        await asleep.stop(20)
