"""How a resource is named on the command line: KIND NAME, or KIND/NAME."""

from __future__ import annotations

from typing import Annotated

import typer

KindArgument = Annotated[str | None, typer.Argument(metavar="[KIND]", help="service, httproute, accesspolicy, …")]
NameArgument = Annotated[str | None, typer.Argument(metavar="[NAME]")]


def split_reference(kind: str | None, name: str | None) -> tuple[str | None, str | None]:
    """ "service/reviews" is as good as "service reviews"."""
    if kind and name is None and "/" in kind:
        kind, _, name = kind.partition("/")
    return kind, name
