"""What the dashboard is measured with; tests/web shows the same mesh in a browser."""

import pytest

from tools import measure_dashboard
from tools.measure_dashboard import mesh


def test_a_mesh_is_as_large_as_asked_and_the_same_each_time() -> None:
    made = mesh(200, 1000)
    assert (len(made["services"]), len(made["edges"]), len(made["workloads"])) == (200, 1000, 600)
    assert made == mesh(200, 1000) != mesh(200, 1000, seed=2)


def test_more_edges_than_pairs_are_all_pairs() -> None:
    assert len(mesh(4, 100)["edges"]) == 6


def test_without_a_browser_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure_dashboard, "browser", lambda: None)
    assert measure_dashboard.main([]) == 1
    assert "hint: apt-get install chromium" in capsys.readouterr().err
