"""The front: shows a product with its reviews."""

from app import get, serve

serve(lambda path, headers: {"product": "The Comedy of Errors", "reviews": get("reviews", "/reviews/1")})
