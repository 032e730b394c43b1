"""Ask before you apply: the very tables that the proxies run, asked offline.

The one abstraction is the `Explanation`; read `explain.py`, then `outbound.py` and `inbound.py`.
"""

from weft.ask.diff import Change, diff, to_text
from weft.ask.explain import explain
from weft.ask.explanation import End, Explanation, Path, Step, Tried
from weft.ask.offline import validate_offline
from weft.ask.origin import origin_of
from weft.ask.parties import CannotAnswer, NotARequest, NotFound

__all__ = [
    "CannotAnswer",
    "Change",
    "End",
    "Explanation",
    "NotARequest",
    "NotFound",
    "Path",
    "Step",
    "Tried",
    "diff",
    "explain",
    "origin_of",
    "to_text",
    "validate_offline",
]
