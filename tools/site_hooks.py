"""What mkdocs asks us while it builds the site (`hooks:` in mkdocs.yml).

Pictures of the dashboard are made, not committed (tools/screenshots.py): where there are none, a page has their words
instead of broken images.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PICTURE = re.compile(r"!\[(?P<words>[^\]]+)\]\((?P<path>images/[^)]+)\)")
FOLDER = Path(__file__).resolve().parent.parent / "docs"


def on_page_markdown(markdown: str, **_: Any) -> str:
    return with_pictures(markdown, FOLDER)


def with_pictures(markdown: str, folder: Path) -> str:
    """The page; a picture that is not in `folder` is what it would show, in words."""

    def shown(picture: re.Match[str]) -> str:
        if (folder / picture["path"]).exists():
            return picture[0]
        return f"*Picture, not made in this build: {picture['words']}.*"

    return PICTURE.sub(shown, markdown)
