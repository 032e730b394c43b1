"""`make site`: what it does where there is no browser. tests/docs/test_site.py looks at what it builds."""

import pytest

from tools import build_site, screenshots


def test_without_a_browser_the_site_is_built_and_the_reason_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screenshots, "BROWSERS", ())
    monkeypatch.setattr(build_site, "site", lambda: 0)
    assert build_site.main([]) == 0
    said = capsys.readouterr()
    assert said.err == "note: the site has no pictures of the dashboard: no browser (apt-get install chromium)\n"
    assert said.out == "build/site/index.html\n"


def test_a_warning_of_mkdocs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_site, "site", lambda: 1)
    assert build_site.main(["--no-pictures"]) == 1
