"""docs/reference/behaviour.md: the ids that the code's comments use."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/behaviour.md"
ID = r"\b[TRS][0-9]{1,2}\b"


def test_every_id_that_the_code_uses_is_explained() -> None:
    explained = set(re.findall(rf"^\| ({ID}) \|", PAGE.read_text(), re.MULTILINE))
    grep = ["git", "grep", "-ohE", ID, "--", "crates/*.rs", "python/weft/*.py", "examples", "proto"]
    used = set(subprocess.run(grep, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split())
    assert used - explained == set()
