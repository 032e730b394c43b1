"""Five things to try: what each shows, and commands that work when they are pasted."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from weft.client.rest import controller_address

# Before each command, so that people and tests find them.
INDENT = "     "


@dataclass(frozen=True, slots=True)
class Try:
    title: str
    commands: tuple[str, ...]
    # Gives back what was before.
    back: str = ""


def tries(shop: str) -> tuple[Try, ...]:
    """`shop`: its URL. All of them are typed in the shop's folder, and none is wider than a terminal."""
    return (
        Try(
            "Shift the canary: coloured stars for half of the readers, not for one in ten",
            ("weft apply -f tries/canary.yaml", "weft stat reviews --by version --seconds 10"),
            back="weft up",
        ),
        Try(
            "Break ratings: pages lose their stars, and no reader sees an error",
            ("touch ratings.broken", f"curl -s '{shop}/books/emma?[1-9]' | grep -o 'No stars[^<]*'", "weft stat"),
            back="rm ratings.broken",
        ),
        Try(
            "Forbid a caller: the storefront may not ask for recommendations any more",
            ("weft apply -f tries/forbid.yaml", "weft explain --from storefront --to recommendations GET /"),
            back="weft delete accesspolicy no-recommendations",
        ),
        Try(
            "Kill a replica: the other one answers, and it is started again",
            ("kill -9 $(weft ps -q catalogue-1)", "weft logs catalogue-1 | grep 'starting it again'"),
        ),
        Try(
            "Ask why a request failed",
            (f"curl -i -H 'x-request-id: ask-me' {shop}/api/orders/all", "weft explain ask-me"),
        ),
    )


def setup(folder: Path, controller: str) -> Iterator[str]:
    """What another terminal needs first."""
    yield f"cd {folder}"
    if shutil.which("weft") is None:
        yield f"export PATH={Path(sys.executable).parent}:$PATH"
    if controller_address() != controller:
        yield f"export WEFT_CONTROLLER={controller}"


def text(shop: str, folder: Path, controller: str) -> str:
    lines = ["Five things to try, in another terminal:", ""]
    lines += [f"{INDENT}{command}" for command in setup(folder, controller)]
    for number, each in enumerate(tries(shop), 1):
        lines += ["", f"{number}. {each.title}", *(f"{INDENT}{command}" for command in each.commands)]
        lines += ["   and back:", f"{INDENT}{each.back}"] if each.back else []
    lines += ["", f"The shop:       {shop}", f"The dashboard:  {controller}"]
    return "\n".join(lines)
