"""Writes the generated parts of docs/reference/wire.md: every message of the contract, and the capability list.

The fields' meanings are the comments of proto/weft/v1; who writes and reads a message, and what an older peer makes of
it, stands in `MESSAGES` here, because no comment of a field can say it. A test compares the file with this output.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "wire.md"
SOURCES = ("weft/v1/program.proto", "weft/v1/discovery.proto", "weft/v1/control.proto")
CAPABILITIES = ROOT / "crates" / "core" / "src" / "capability.rs"

# What an older peer does with a field that it does not know.
DELIVERED = "Not sent to a proxy that lacks a name of `requires`; a proxy that is sent one anyway rejects the resource"
VANISHES = "Ignored by an older reader; nothing may depend on it being read"
REFUSED = "An older proxy refuses the file: unknown names are errors there"
ENVOY = "Field numbers are Envoy's and do not change"


@dataclass(frozen=True, slots=True)
class Side:
    """Who writes a message, who reads it, who may set what is in it, and what an older reader does."""

    writer: str
    reader: str
    allowed: str
    older: str


_COMPILER = Side("controller", "proxy", "users, through resources", DELIVERED)
_WORLD = Side("controller", "proxy", "registrations (proved by SVID)", DELIVERED)
_LAUNCH = Side("`weft run`, `weft up`", "supervisor, proxy", "whoever may start the workload", REFUSED)
_DELIVERY = Side("both", "both", "the proxy for its own node only", ENVOY)
_CONTROL = Side("proxy", "controller", "the proxy, for its own workload", VANISHES)
_ANSWER = Side("controller", "proxy", "the controller", VANISHES)
_TAP = Side("controller", "proxy", "whoever may use REST", "A proxy that lacks a name of `requires` refuses the tap")

MESSAGES: dict[str, Side] = {
    **dict.fromkeys(
        "Frontend RouteEntry RouteMatch FieldMatch RouteAction HeaderEdit HeaderValue Rewrite Redirect FixedResponse "
        "Split Sticky StickyCookie WeightedBackend Timeouts RetryPolicy Backend Balancer PeakEwma Outlier RetryBudget "
        "Inbound InboundPort AccessRule Source Operation PathMatch HealthCheck Mesh".split(),
        _COMPILER,
    ),
    **dict.fromkeys(["Endpoints", "Endpoint"], _WORLD),
    **dict.fromkeys("Launch InboundListener OutboundListener Controller App".split(), _LAUNCH),
    "Program": Side("`weft compile`, people", "`weft-proxy run`", "whoever starts the proxy", REFUSED),
    "Workload": Side("`weft run`; proxy", "proxy; controller", "checked against the SVID", VANISHES),
    **dict.fromkeys(
        "Node DeltaDiscoveryRequest DeltaDiscoveryResponse Resource Status".split(),
        _DELIVERY,
    ),
    "Rejected": _CONTROL,
    "Hello": Side("both proxies", "both proxies", "the proxy; the workload is checked against the SVID", VANISHES),
    **dict.fromkeys("SignRequest Attachment AttachedPort".split(), _CONTROL),
    **dict.fromkeys("SignResponse AttachmentStatus TelemetrySummary TapOrders".split(), _ANSWER),
    **dict.fromkeys("TelemetryReport Edge EdgeKey ReasonCount RuleHits EventRecord".split(), _CONTROL),
    **dict.fromkeys("TapOrder TapFilter".split(), _TAP),
    **dict.fromkeys("TapReport TapLeftOut TapRefused TapRecord".split(), _CONTROL),
}


def page(text: str) -> str:
    """`text` of wire.md with its generated parts renewed."""
    text = _replace(text, "capabilities", "\n".join(_capabilities(CAPABILITIES.read_text(encoding="utf-8"))))
    return _replace(text, "contract", "\n".join(_contract()))


def _replace(text: str, part: str, content: str) -> str:
    begin, end = f"<!-- generated: {part} -->", f"<!-- end: {part} -->"
    head, _, rest = text.partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise SystemExit(f"error: {PAGE} lacks the markers of its part {part!r}")
    return f"{head}{begin}\n\n{content}\n\n{end}{tail}"


def _capabilities(source: str) -> Iterator[str]:
    names = re.findall(r'^ {4}"([a-z0-9.-]+)",$', source, re.MULTILINE)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition(".")[0], []).append(name)
    yield "| group | names |"
    yield "|---|---|"
    for group, members in groups.items():
        yield f"| {group} | {' '.join(f'`{name}`' for name in members)} |"


def _contract() -> Iterator[str]:
    for file in _files():
        # Of a message: 4, its index; of its field: then 2, the field's index (descriptor.proto).
        places = file.source_code_info.location
        comments = {tuple(place.path): _prose(place.leading_comments) for place in places}
        yield f"### {file.name.rpartition('/')[2]}\n"
        for i, message in enumerate(file.message_type):
            yield from _message(message, comments, i)
        for i, enum in enumerate(file.enum_type):
            yield f"#### `{enum.name}` (values)\n"
            yield "| value | number | meaning |"
            yield "|---|---|---|"
            for j, value in enumerate(enum.value):
                yield f"| `{value.name}` | {value.number} | {comments.get((5, i, 2, j), '')} |"
            yield ""
        for service in file.service:
            yield f"#### `{service.name}` (service)\n"
            for method in service.method:
                yield f"- `/weft.v1.{service.name}/{method.name}`"
            yield ""


def _prose(comment: str) -> str:
    """On one line, and safe in a table and from being read as HTML."""
    return " ".join(comment.split()).replace("|", "\\|").replace("<", "&lt;")


def _message(message: DescriptorProto, comments: dict[tuple[int, ...], str], index: int) -> Iterator[str]:
    side = MESSAGES[message.name]
    yield f"#### `{message.name}`\n"
    if about := comments.get((4, index)):
        yield f"{about}\n"
    yield f"Written by: {side.writer}. Read by: {side.reader}. May set it: {side.allowed}. {side.older}.\n"
    yield "| field | number | type | default | meaning |"
    yield "|---|---|---|---|---|"
    for j, field in enumerate(message.field):
        meaning = comments.get((4, index, 2, j), "")
        kind, default = _type(field, message)
        yield f"| `{message.name}.{field.name}` | {field.number} | {kind} | {default} | {meaning} |"
    yield ""


def _type(field: FieldDescriptorProto, message: DescriptorProto) -> tuple[str, str]:
    """The type as in the .proto file, and what a reader sees when the field was not sent."""
    name = field.type_name.rpartition(".")[2] or field.Type.Name(field.type).removeprefix("TYPE_").lower()
    if any(nested.name == name and nested.options.map_entry for nested in message.nested_type):
        return "map", "empty"
    if field.label == field.LABEL_REPEATED:
        return f"repeated {name}", "empty"
    if field.HasField("oneof_index"):
        return f"{name} (one of `{message.oneof_decl[field.oneof_index].name}`)", "absent"
    if field.type == field.TYPE_MESSAGE:
        return name, "absent"
    if field.type == field.TYPE_ENUM:
        return name, "the value 0"
    return name, {"string": '""', "bytes": "empty", "bool": "false"}.get(name, "0")


def _files() -> list[FileDescriptorProto]:
    from importlib import resources

    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        include = [f"-I{ROOT / 'proto'}", f"-I{resources.files('grpc_tools') / '_proto'}"]
        options = ["--include_source_info", f"--descriptor_set_out={out}"]
        if protoc.main(["protoc", *include, *options, *SOURCES]) != 0:
            raise SystemExit("error: the contract in proto/weft/v1 does not compile")
        return list(FileDescriptorSet.FromString(out.read_bytes()).file)


def main() -> int:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
