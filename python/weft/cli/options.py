"""Options that several commands share, and the mesh that they name."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from weft.mesh import Mesh


class Format(StrEnum):
    """`-o`"""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Controller = Annotated[
    str | None,
    typer.Option("--controller", metavar="URL", help="The controller; else $WEFT_CONTROLLER, else this machine's"),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace")]
AnyNamespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Only this namespace")]
Files = Annotated[
    list[Path] | None,
    typer.Option("--file", "-f", metavar="FILE", help="File or folder, - for stdin; may be repeated"),
]


def connect(address: str | None) -> Mesh:
    from weft.mesh import Mesh

    return Mesh.connect(address)


def qualified(name: str, namespace: str) -> str:
    """ "reviews" as "<namespace>/reviews"; what has a namespace keeps it."""
    return name if "/" in name else f"{namespace}/{name}"
