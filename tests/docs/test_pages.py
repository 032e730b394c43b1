"""Every command block of README and docs is run, and answers what the page shows."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.docs.follow import follow
from tests.docs.machine import namespace
from tests.docs.page import ROOT, TYPED, blocks, pages
from weft.resources import expand, load_text
from weft.resources.kinds import KINDS

PAGES = {str(page.relative_to(ROOT)): page for page in pages()}
_COMMANDS = re.compile(rf"^ *```({'|'.join(TYPED)})$", re.MULTILINE)
# What needs more than a machine: units, a controller that is lost, another version.
ELSEWHERE = {"docs/operations.md": "tests/e2e/test_operations.py"}
WITH_COMMANDS = [
    name for name, page in PAGES.items() if _COMMANDS.search(page.read_text(encoding="utf-8")) and name not in ELSEWHERE
]

# What no test does, and why. Each one more is a sentence that nobody checks: keep it short.
NOT_RUN = {
    "README.md": [
        "compiles what every test starts from",
        "what a checkout has and an installed weft needs not",
    ],
}

# What a page is about, when that is not weft.
NEEDS = {"docs/how-to/from-haproxy.md": "haproxy"}


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_what_the_page_tells_to_type_works(name: str) -> None:
    if not namespace():
        pytest.skip("no network namespaces here: run as root, or where users may make them (unshare --user --net)")
    if any("on the second machine" in block.said for block in blocks(PAGES[name])) and len(namespace()) > 2:
        pytest.skip("a second machine is a second network namespace with a cable: run as root")
    if (needed := NEEDS.get(name)) and not shutil.which(needed, path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip(f"the page is about {needed}, which is not here: apt-get install {needed}")
    follow(PAGES[name])


def test_what_is_run_elsewhere_is() -> None:
    for name, test in ELSEWHERE.items():
        assert Path(name).name in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_what_looks_like_a_command_is_one(name: str) -> None:
    shown = [block for block in blocks(PAGES[name]) if block.language == "text"]
    typed = re.compile(r"^(\$ |(weft|weft-proxy|make|curl|python3?) )", re.MULTILINE)
    assert [block.place for block in shown if typed.search(block.text)] == []


@pytest.mark.parametrize("name", PAGES)
def test_what_is_not_run_says_why_and_is_little(name: str) -> None:
    reasons = [block.not_run for block in blocks(PAGES[name]) if block.not_run is not None]
    assert reasons == NOT_RUN.get(name, [])


@pytest.mark.parametrize("name", PAGES)
def test_resources_that_are_only_shown_are_right(name: str, tmp_path: Path) -> None:
    for block in blocks(PAGES[name]):
        if block.language != "yaml" or block.title:
            continue
        if re.search(r"^services:", block.text, re.MULTILINE):
            file = tmp_path / "weft.yaml"
            file.write_text(block.text, encoding="utf-8")
            assert [str(problem) for problem in expand(file).problems] == [], block.place
        elif re.search(rf"^kind: ({'|'.join(KINDS)})$", block.text, re.MULTILINE):
            assert [str(problem) for problem in load_text(block.text, block.place).problems] == []
