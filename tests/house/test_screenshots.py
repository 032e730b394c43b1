"""The pictures of the docs are those that the script makes."""

import re
import struct
from pathlib import Path

import pytest

from tools import screenshots
from tools.screenshots import FOLDER, PICTURES, ROOT, main


def test_the_docs_show_each_picture_and_no_other() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", (ROOT / "docs/dashboard.md").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(f"dashboard-{name}.png" for name, *_ in PICTURES)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: str(picture[0]))
def test_each_picture_is_there_in_its_width(picture: tuple[str, str, str, int, str]) -> None:
    name, _, _, width, _ = picture
    head = (FOLDER / f"dashboard-{name}.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">I", head[16:20])[0] == width


def test_without_a_browser_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(screenshots, "BROWSERS", (str(tmp_path / "none"),))
    assert main([]) == 1
    assert "hint: apt-get install chromium" in capsys.readouterr().err
