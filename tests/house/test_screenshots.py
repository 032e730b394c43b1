"""The pictures of the docs are those that the script makes (tests/web makes them)."""

import re
from pathlib import Path

import pytest

from tools import screenshots
from tools.screenshots import PICTURES, ROOT, main


def test_the_docs_show_each_picture_and_no_other() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", (ROOT / "docs/dashboard.md").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(f"dashboard-{name}.png" for name, *_ in PICTURES)


def test_without_a_browser_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(screenshots, "BROWSERS", (str(tmp_path / "none"),))
    assert main([]) == 1
    assert "hint: apt-get install chromium" in capsys.readouterr().err
