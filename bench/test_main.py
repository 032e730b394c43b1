from pathlib import Path

import pytest

from bench import results
from bench.__main__ import main


def test_a_report_needs_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = results.Row("hop-h1-64B", "nginx", 32, 0, 15.25, 6e4, 500.0, 900.0, 14.5)
    results.write(tmp_path / "rows.json", [row])
    assert main(["report", str(tmp_path / "rows.json")]) == 0
    assert "15.2 " in capsys.readouterr().out


def test_an_unknown_proxy_is_an_error_with_a_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["quick", "--only", "apache"]) == 1
    assert capsys.readouterr().err.startswith("error: no proxy named 'apache'\n\nhint:")


@pytest.mark.parametrize("option", ["--runs", "--seconds", "--connections"])
def test_nothing_is_measured_zero_times(option: str) -> None:
    with pytest.raises(SystemExit):
        main(["quick", option, "0"])
