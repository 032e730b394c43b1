"""Two clocks: would a certificate made now be valid where it goes?"""

from __future__ import annotations

from weft.identity.authority import BACKDATE
from weft.identity.errors import IdentityError

# Less is NTP's business; more will hurt short-lived certificates soon.
WARN_S = 60.0


def compare(theirs: float, ours: float, life_s: float, who: str) -> str:
    """A warning, or "". Raises when the certificate would not be valid there at all. 0 means that it was not told."""
    if not theirs:
        return ""
    ahead = theirs - ours
    if ahead <= -BACKDATE.total_seconds():
        raise _off(who, ahead, "would not be valid there yet")
    if ahead >= life_s / 2:
        raise _off(who, ahead, "would soon be expired there, or is already")
    if abs(ahead) >= WARN_S:
        return f"the clock of {who} is {_words(ahead)} the controller's"
    return ""


def _off(who: str, ahead: float, what: str) -> IdentityError:
    return IdentityError(
        "precondition",
        f"the clock of {who} is {_words(ahead)} the controller's: its certificate {what}",
        "set both clocks (timedatectl, chronyc tracking), then start it again",
    )


def _words(ahead: float) -> str:
    amount = abs(ahead)
    size = (
        f"{amount:.0f} s" if amount < 120 else f"{amount / 60:.0f} min" if amount < 7200 else f"{amount / 3600:.1f} h"
    )
    return f"{size} {'ahead of' if ahead > 0 else 'behind'}"
