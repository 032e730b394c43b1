from pathlib import Path

import pytest

from tools.check_words import published, violations


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("connect 127.64.3.1:80", False),
        ("documented 192.0.2.1, 198.51.100.7 and 203.0.113.9", False),
        ("version 10.2.3", False),
        ("private " + "10.2." + "3.4", True),
        ("private " + "192.168." + "0.0/16", True),
        ("metadata " + "169.254." + "169.254", True),
        ("guard " + "172.16." + "0.0/12  # private-range: refused as a target", False),
        ("not an address: 999.1.1.1", False),
    ],
)
def test_finds_private_addresses_only(tmp_path: Path, line: str, found: bool) -> None:
    path = tmp_path / "a.md"
    path.write_text(line)
    assert bool(violations([path])) is found


def test_skips_what_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"\xff\xfe" + b"10." + b"0.0.1")
    assert violations([path]) == []


def test_looks_at_what_git_tracks_or_would_track() -> None:
    names = {path.name for path in published()}
    assert {"pyproject.toml", "check_words.py"} <= names
    assert "RECORD" not in names  # of .venv
