from pathlib import Path

from bench import results

ROW = results.Row("hop-h1-64B", "nginx", 32, 0, 15.25, 60000.0, 500.0, 900.0, 14.5)
BARE = results.Row("hop-h1-64B", "direct", 32, 0, None, 9e4, 300.0, 500.0, 0.0)


def test_what_is_written_is_read_back() -> None:
    rows = [ROW, BARE]
    assert results.from_json(results.to_json(rows)) == rows


def test_no_rows_are_valid_json_too() -> None:
    assert results.from_json(results.to_json([])) == []


def test_a_row_is_a_line() -> None:
    assert len(results.to_json([ROW, BARE]).splitlines()) == 2 + 2


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.json"
    results.write(path, [ROW])
    results.write(path, [BARE])
    assert results.from_json(path.read_text()) == [BARE]
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]
