"""Ratings, and who asked: the caller that weft has proved, which no caller can forge."""

from app import serve

serve(lambda path, headers: {"stars": 5, "asked_by": headers.get("weft-principal", "somebody without identity")})
