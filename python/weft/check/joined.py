"""Whether a machine that has joined a mesh can do its part: what it kept, whom it reaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from weft.check.model import Check, none_of

if TYPE_CHECKING:
    from weft.identity.machines import MachineToken


def joined_checks(root: Path, now: float) -> Iterator[Check]:
    """`root`: the state directory; `now`: Unix seconds. A machine that has joined nothing has none of these checks."""
    from weft.run.controller import Failed
    from weft.run.member import CLOCK_S, TOKEN, machine_token

    files = sorted((root / "joined").glob(f"*/{TOKEN}"))
    if not files:
        return
    tokens, unread = [], []
    for file in files:
        try:
            tokens.append(machine_token(str(file)))
        except Failed as failed:
            unread.append(failed.message)
    again = "join again, with what `weft token machine NAME` prints where the controller runs"
    yield none_of("joined-token", "what this machine joined with can be read", unread, again)
    there = "is `weft up` running there, and does no firewall stand between? Workloads go on with what they have"
    silent = [why for token in tokens if (why := _silent(token))]
    yield none_of("joined-controller", "the controller that it joined answers", silent, there)
    behind = [f"by {(t.made - now) / 60:.0f} min" for t in tokens if now < t.made - CLOCK_S]
    late = "set it: certificates depend on it"
    yield none_of("joined-clock", "the clock is not behind that of the controller", behind, late)


def _silent(token: MachineToken) -> str:
    from weft.run.controller import Failed
    from weft.run.reach import refuse_unreachable

    try:
        refuse_unreachable([token.controller])
    except Failed as failed:
        return failed.message
    return ""
