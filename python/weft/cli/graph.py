"""`weft graph`: who calls whom, as a tree for a terminal, or for graphviz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.edges import By, tls
from weft.cli.failure import note
from weft.cli.options import AnyNamespace, Controller, connect
from weft.cli.output import plain
from weft.printable import json_text, printable

if TYPE_CHECKING:
    from weft.client.types import Edge

# Where the numbers begin, so that they stand below each other; deeper or longer names push their own aside.
NUMBERS_AT = 40


class Drawn(StrEnum):
    TEXT = "text"
    JSON = "json"
    DOT = "dot"


def graph(
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="How far back")] = 60,
    by: Annotated[By, typer.Option(help="What one node stands for")] = By.SERVICE,
    namespace: AnyNamespace = None,
    output: Annotated[Drawn, typer.Option("--output", "-o", help="dot: for graphviz")] = Drawn.TEXT,
    controller: Controller = None,
) -> None:
    """Draw who calls whom.

    Callers stand above whom they call. What was drawn before is not drawn again: "(above)".
    """
    with connect(controller) as mesh:
        edges = mesh.edges(seconds, by.value, namespace)
    if output is Drawn.JSON:
        nodes = sorted({str(end) for edge in edges for end in (edge.source, edge.destination)})
        print(json_text({"seconds": seconds, "nodes": nodes, "edges": plain(list(edges))}, indent=2))
    elif output is Drawn.DOT:
        print(printable("\n".join(dot(edges))))
    else:
        print(printable("".join(f"{line}\n" for line in tree(edges))), end="")
        if not edges:
            note(f"no traffic in the last {seconds} s")


def tree(edges: Sequence[Edge]) -> Iterator[str]:
    """Lines: each caller once with whom it calls; a ring begins at its first name."""
    calls: dict[str, list[Edge]] = {}
    for edge in edges:
        calls.setdefault(str(edge.source), []).append(edge)
    called = {str(edge.destination) for edge in edges if str(edge.destination) != str(edge.source)}
    drawn: set[str] = set()
    # Those whom nobody calls, then whoever is in a ring that none of them reaches.
    for root in [*(name for name in calls if name not in called), *calls]:
        if root not in drawn:
            yield root
            yield from _below(root, calls, drawn)


def _below(root: str, calls: dict[str, list[Edge]], drawn: set[str]) -> Iterator[str]:
    """With a stack of its own: a chain of a thousand services is no reason to fail."""
    drawn.add(root)
    stack = [("", edge, edge is calls[root][-1]) for edge in reversed(calls[root])]
    while stack:
        margin, edge, last = stack.pop()
        name = str(edge.destination)
        again = name in drawn and name in calls
        label = f"{margin}{'└─ ' if last else '├─ '}{name}{' (above)' if again else ''}"
        yield f"{label:<{NUMBERS_AT}}  {numbers(edge)}".rstrip()
        if name in drawn or name not in calls:
            continue
        drawn.add(name)
        inner = margin + ("   " if last else "│  ")
        stack += [(inner, each, each is calls[name][-1]) for each in reversed(calls[name])]


def numbers(edge: Edge) -> str:
    """ "12.5/s 100.0 % p99 3.1 ms mTLS": 38 columns at most for rates below a million."""
    if not edge.requests:
        return f"{edge.connections} connections {tls(edge)}".rstrip()
    success = "" if edge.success_rate is None else f"{100 * edge.success_rate:5.1f} %"
    slow = "" if edge.p99_ms is None else f"p99 {edge.p99_ms:.1f} ms"
    return " ".join(part for part in (f"{edge.requests_per_second:6.1f}/s", success, slow, tls(edge)) if part)


def dot(edges: Sequence[Edge]) -> Iterator[str]:
    """For `dot -Tsvg`."""
    yield "digraph weft {"
    yield "  rankdir=LR;"
    for edge in edges:
        label = " ".join(numbers(edge).split())
        yield f"  {_quoted(str(edge.source))} -> {_quoted(str(edge.destination))} [label={_quoted(label)}];"
    yield "}"


def _quoted(text: str) -> str:
    """https://graphviz.org/doc/info/lang.html: in a quoted string only the quote is escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
