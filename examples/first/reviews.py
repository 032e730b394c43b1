"""Reviews. Version v2 adds stars, which it asks ratings for."""

import os
from typing import Any

from app import get, serve

VERSION = os.environ.get("WEFT_VERSION", "none")


def reviews(path: str, headers: dict[str, str]) -> Any:
    answer: dict[str, Any] = {"version": VERSION, "text": "An extremely entertaining play by Shakespeare."}
    if VERSION == "v2":
        answer["stars"] = get("ratings", "/ratings/1")["stars"]
    return answer


serve(reviews)
