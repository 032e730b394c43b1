from pathlib import Path

from weft.run.logfile import Line, LogFile, follow, read

NOON = 1_700_000_000.25


def written(path: Path, *texts: str, max_bytes: int = 10_000) -> LogFile:
    log = LogFile(path, lambda: NOON, max_bytes)
    for text in texts:
        log.write("a-0", text)
    return log


def texts(path: Path) -> list[str]:
    return [line.text for line in read(path)]


def test_a_line_has_its_time_and_its_name(tmp_path: Path) -> None:
    written(tmp_path / "log", "hello  you ", "").close()
    assert list(read(tmp_path / "log")) == [
        Line("2023-11-14T22:13:20.250Z", "a-0", "hello  you "),
        Line("2023-11-14T22:13:20.250Z", "a-0", ""),
    ]


def test_it_goes_on_where_another_ended(tmp_path: Path) -> None:
    written(tmp_path / "log", "one").close()
    written(tmp_path / "log", "two").close()
    assert texts(tmp_path / "log") == ["one", "two"]


def test_what_is_kept_has_a_limit(tmp_path: Path) -> None:
    written(tmp_path / "log", *map(str, range(100)), max_bytes=320).close()
    assert all(path.stat().st_size <= 320 for path in tmp_path.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1"]
    kept = texts(tmp_path / "log")
    assert 10 <= len(kept) <= 20
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert kept == [str(i) for i in range(100 - len(kept), 100)]


def test_a_disk_that_takes_nothing_costs_lines_only(tmp_path: Path) -> None:
    log = written(tmp_path / "log")
    log.close()
    log.write("a-0", "lost")
    assert texts(tmp_path / "log") == []


def test_nothing_was_said_by_nobody(tmp_path: Path) -> None:
    assert list(read(tmp_path / "gone")) == []


def test_whoever_follows_sees_every_line_also_across_files(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = written(path, "0", max_bytes=320)
    left = iter(range(1, 30))

    def pause(_: float) -> None:
        """Another line, each time that nothing is there."""
        if (number := next(left, None)) is not None:
            log.write("a-0", str(number))

    seen = [line.text for line in follow(path, lambda: left.__length_hint__() > 0, pause)]
    assert seen == [str(i) for i in range(30)]


def test_whoever_follows_ends_with_the_files(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = written(path, "0")

    def pause(_: float) -> None:
        path.unlink()
        log.write("a-0", "1")
        running.clear()

    running = [True]
    assert [line.text for line in follow(path, lambda: bool(running), pause)] == ["0", "1"]
