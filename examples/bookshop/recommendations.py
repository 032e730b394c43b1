"""The twin of recommendations.js, for machines without Node."""

from typing import Any

from service import Answer, Request, as_json, ask, serve

SHOWN = 4


def alike(books: list[dict[str, Any]], id: str) -> list[dict[str, Any]]:
    """Others of the same shelf first, then those of about the same age."""
    book = next((each for each in books if each["id"] == id), None)
    if book is None:
        return []

    def distance(other: dict[str, Any]) -> int:
        return int(other["shelf"] != book["shelf"]) * 1000 + abs(other["year"] - book["year"])

    return sorted((each for each in books if each["id"] != id), key=distance)[:SHOWN]


def recommendations(request: Request, id: str) -> Answer:
    return as_json(alike(ask("catalogue", "/api/books"), id))


if __name__ == "__main__":
    serve({"GET /recommendations/{id}": recommendations})
