"""What the README tells people to type can be typed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))
PAGES = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", *DOCS]
TEXT = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}


def typed() -> list[str]:
    """Lines of code blocks, and code in sentences, that begin with weft."""
    text = TEXT["README.md"]
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(weft [^`]+)`", text)
    return sorted({line.partition("#")[0].strip() for line in lines if line.startswith("weft ")})


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    code = (
        "from weft.cli.app import run_app\n"
        f"for line in {sorted({' '.join(command_of(line)) for line in typed()})!r}:\n"
        "    print('===', line, flush=True); run_app([*line.split(), '--help'])\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    pages = out.split("=== ")[1:]
    return {page.partition("\n")[0]: page for page in pages}


def command_of(line: str) -> list[str]:
    words = shlex.split(line)[1:]
    return words[:2] if words[0] == "token" else words[:1]


@pytest.mark.parametrize("line", typed())
def test_every_command_and_option_exists(line: str, helps: dict[str, str]) -> None:
    page = helps[" ".join(command_of(line))]
    assert "Usage: weft" in page
    ours = shlex.split(line.partition(" -- ")[0])
    for option in (word for word in ours if re.match(r"--?[a-zA-Z]", word)):
        assert re.search(rf"(^|[ ,]){option}\b", page, re.MULTILINE), f"{line}: no {option}"


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for text in TEXT.values() for name in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)}
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    # Pictures are made with the docs: test_screenshots.
    targets = re.findall(r"\]\((?!https?:|images/dashboard-)([^)#]+)", TEXT[page])
    assert [target for target in targets if not ((ROOT / page).parent / target).exists()] == []


def test_paths_that_are_named_exist() -> None:
    named = re.findall(r"`((?:python|crates|tools|proto|docs|examples)/[\w/.-]+)`", TEXT["ARCHITECTURE.md"])
    assert named
    # What a first slice has not yet.
    later = {"crates/kernel", "python/weft/discovery/"}
    assert [path for path in named if not (ROOT / path).exists() and path not in later] == []
