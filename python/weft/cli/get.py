"""`weft get` and `weft delete`: stored resources by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import Failure, usage
from weft.cli.names import KindArgument, NameArgument, split_reference
from weft.cli.options import AnyNamespace, Controller, Format, Namespace, Output, connect
from weft.cli.output import duration, emit, plain, yaml_text

if TYPE_CHECKING:
    from weft.client.types import StoredResource

# What is registered is no resource, and people look for it here all the same.
WORKLOADS = ("workload", "workloads")
ENDPOINTS = ("endpoint", "endpoints")


def get(
    kind: KindArgument = None,
    name: NameArgument = None,
    namespace: AnyNamespace = None,
    owner: Annotated[str | None, typer.Option(help="Only what this owner applied")] = None,
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Print stored resources; -o yaml is what apply takes.

    KIND may also be workloads, or endpoints: who serves a service, and who says so.
    """
    from weft.cli.endpoints import endpoints
    from weft.cli.kinds import kind_named
    from weft.cli.status import workloads

    kind, name = split_reference(kind, name)
    if kind and kind.lower() in ENDPOINTS:
        endpoints(name, namespace, output, controller)
        return
    if kind and kind.lower() in WORKLOADS:
        workloads(name, namespace, output, controller)
        return
    with connect(controller) as mesh:
        listed = mesh.list(kind_named(kind) if kind else None, namespace, owner=owner)
    found = [item for item in listed if name is None or _name(item) == name]
    if name and not found:
        raise Failure(f"no {kind} {name}", "`weft get` lists everything")
    if output is Format.YAML:
        print(yaml_text([plain(item.document) for item in found], documents=True) if found else "", end="")
        return
    documents = [item.document for item in found]
    emit(documents, output, ("RESOURCE", "REVISION", "OWNER", "AGE"), map(_row, found), "no resources")


def delete(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="service, httproute, accesspolicy, …")],
    name: NameArgument = None,
    namespace: Namespace = "default",
    controller: Controller = None,
) -> None:
    """Delete one resource."""
    from weft.cli.kinds import kind_named

    given, named = split_reference(kind, name)
    if not given or not named:
        usage("which one?", "write `weft delete KIND NAME`")
    with connect(controller) as mesh:
        applied = mesh.delete(kind_named(given), named, namespace)
    for result in applied.results:
        print(f"{result.ref} {result.action}")


def _name(item: StoredResource) -> str:
    return item.ref.rpartition("/")[2]


def _row(item: StoredResource) -> tuple[object, ...]:
    import time

    return item.ref, item.revision, item.owner, duration(time.time() - item.created_at)
