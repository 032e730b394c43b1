"""What has become of a weft.yaml while it was up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from weft.run.spec import Spec

if TYPE_CHECKING:
    from weft.resources import Expanded


def expand_as(file: Path, variables: Mapping[str, str]) -> Expanded:
    """The file as whoever asks sees it: the variables are theirs, not those of the process that runs it."""
    from weft.client.documents import problem_of, wrong_files
    from weft.resources.expand import expand_text
    from weft.resources.gather import Around, text_of

    text, problems = text_of(file)
    expanded = expand_text(text, str(file), Around(file.parent, variables))
    if problems or not expanded.ok:
        raise wrong_files(map(problem_of, problems or expanded.problems))
    return expanded


def differs(before: Spec, now: Spec) -> bool:
    """In what it runs with; whom it would have waited for at the start is over."""
    return replace(before, after={}) != replace(now, after={})
