"""What readers wrote. $STARS says which version this is: `none` shows no stars; `black` and `colour` ask ratings."""

import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

from service import Answer, Request, Unavailable, as_json, ask, serve

STARS = os.environ.get("STARS", "none")
TEXTS: list[dict[str, str]] = json.loads((Path(__file__).parent / "reviews.json").read_text(encoding="utf-8"))
# Of all texts, for each book.
SHOWN = 2


def reviews(request: Request, id: str) -> Answer:
    first = zlib.crc32(id.encode()) % len(TEXTS)
    shown = [TEXTS[(first + i * 5) % len(TEXTS)] for i in range(SHOWN)]
    return as_json({"reviews": shown, "stars": None if STARS == "none" else _stars(id)})


def _stars(id: str) -> dict[str, Any]:
    """Without ratings there are reviews all the same."""
    try:
        return {"colour": STARS == "colour", **ask("ratings", f"/ratings/{id}")}
    except Unavailable as error:
        print(f"without stars: {error}", file=sys.stderr)
        return {"missing": True}


if __name__ == "__main__":
    serve({"GET /reviews/{id}": reviews})
