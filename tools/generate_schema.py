"""Writes docs/reference/weft.schema.json from the models that read a weft.yaml; a test compares the two."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "weft.schema.json"


def page() -> str:
    """As `weft schema` prints it."""
    from weft.resources.schema import schema

    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
