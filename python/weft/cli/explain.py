"""`weft explain`: where would this request go, and why; or: where did that one go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.failure import Failure, usage
from weft.cli.options import Controller, Files, Format, Namespace, Output, connect, qualified
from weft.cli.output import emit
from weft.printable import printable

if TYPE_CHECKING:
    from weft.client.types import LoggedRequest
    from weft.mesh import Mesh

# What people look for in a record, in this order; the rest follows.
FIRST = ("time", "side", "source", "principal", "destination", "method", "path", "status", "reason", "rule", "advice")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")


def explain(
    words: Annotated[list[str], typer.Argument(metavar="[METHOD] PATH | REQUEST_ID")],
    source: Annotated[str | None, typer.Option("--from", metavar="A", help="Who calls: workload or service")] = None,
    to: Annotated[str | None, typer.Option(metavar="B[:PORT]", help="Which service it calls")] = None,
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="K:V", help="A request header; may be repeated")
    ] = None,
    files: Files = None,
    namespace: Namespace = "default",
    output: Output = Format.TABLE,
    controller: Controller = None,
) -> None:
    """Say where a request would go, and why.

    Table by table, with the rule that decides.

    With -f the answer comes from those files, without any controller. With a request id (a log line, a 503's
    x-request-id) it says what the proxies remember of that one.
    """
    if source is None and to is None:
        _explain_logged(words, output, controller)
        return
    if source is None or to is None:
        usage("--from and --to belong together", "weft explain --from web --to reviews GET /reviews/7")
    method, path = method_and_path(words)
    question = (qualified(source, namespace), qualified(to, namespace), method, path, dict(map(header, headers or ())))
    if files:
        from weft.cli.offline import explain_files

        answer = explain_files(files, *question)
    else:
        with connect(controller) as mesh:
            answer = mesh.explain(*question)
    if output is Format.TABLE:
        print(printable(answer.get("text") or json.dumps(answer, indent=2)))
    else:
        emit(answer, output, (), ())


def _explain_logged(words: Sequence[str], output: Format, controller: str | None) -> None:
    if len(words) != 1 or words[0].startswith("/"):
        usage("--from and --to are missing", "weft explain --from web --to reviews GET /reviews/7")
    with connect(controller) as mesh:
        found = mesh.request(words[0])
        places = _places(mesh, {str(item.record["rule"]) for item in found.found if item.record.get("rule")})
    if output is not Format.TABLE:
        emit(found, output, (), ())
    elif found.found:
        shown = (record_text(item.workload, _placed(item.record, places)) for item in found.found)
        print(printable("\n\n".join(shown)))
    if not found.found:
        raise _forgotten(found)


def _places(mesh: Mesh, rules: set[str]) -> dict[str, str]:
    """Where each was written: the line of the rule, or of its resource while nobody has reported that it was hit."""
    if not rules:
        return {}
    places = {hits.rule_id: str(hits.origin) for hits in mesh.rules() if hits.origin is not None}
    for rule in rules - places.keys():
        kind, namespace, name = [*rule.split("/"), "", ""][:3]
        objects = mesh.status(kind, name, namespace).objects
        if objects and objects[0].origin is not None:
            places[rule] = str(objects[0].origin)
    return places


def _placed(record: dict[str, Any], places: dict[str, str]) -> dict[str, Any]:
    rule = record.get("rule")
    return {**record, "rule": f"{rule} at {places[rule]}"} if rule in places else record


def record_text(workload: str, record: dict[str, Any]) -> str:
    """One proxy's memory of a request: its name, then a line per fact."""
    size = max((len(key) for key in record), default=0)
    keys = [*(key for key in FIRST if key in record), *(key for key in record if key not in FIRST)]
    facts = [f"  {key.ljust(size)}  {_flat(record[key])}" for key in keys if record[key] not in (None, "", [], {})]
    return "\n".join([workload, *facts])


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _forgotten(found: LoggedRequest) -> Failure:
    failed = f"; {len(found.failed)} could not be asked" if found.failed else ""
    return Failure(
        f"no proxy remembers {found.id} ({found.asked} asked{failed})",
        "proxies keep their last requests only; the access log keeps more",
    )


def method_and_path(words: Sequence[str]) -> tuple[str, str]:
    """ "GET /x", or "/x" alone."""
    *method, path = words
    if len(method) > 1 or not path.startswith("/"):
        usage(f"{' '.join(words)!r} is not a method and a path", "write GET /reviews/7")
    name = method[0].upper() if method else "GET"
    if name not in METHODS and not name.isalpha():
        usage(f"{name!r} is not a method")
    return name, path


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        usage(f"{text!r} is not a header", "write -H 'name: value'")
    return name.strip().lower(), value.strip()


