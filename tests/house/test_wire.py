"""No name crosses a process boundary that docs/reference/wire.md does not list."""

import re
from collections.abc import Iterator
from pathlib import Path

from weft.v1 import control_pb2, discovery_pb2, program_pb2

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/wire.md").read_text(encoding="utf-8")

# In tests of the codec, as examples; and the names of our own binary, crates and threads.
NOT_HEADERS = re.compile(r"weft-(a-|proxy$|core$|http$|proto$|python$|kernel$|test|control$|access-log$|engine$)")


def fields() -> Iterator[str]:
    for module in (program_pb2, discovery_pb2, control_pb2):
        for message in module.DESCRIPTOR.message_types_by_name.values():
            yield from (f"{message.name}.{field.name}" for field in message.fields)


def rust(folder: str) -> str:
    files = sorted((ROOT / "crates").glob(f"{folder}/src/**/*.rs"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_every_field_of_the_contract_is_listed() -> None:
    assert [field for field in fields() if f"`{field}`" not in PAGE] == []


def test_every_header_of_ours_is_listed() -> None:
    named = set(re.findall(r'b?"(weft-[a-z-]+[a-z])"', rust("*")))
    unlisted = {name for name in named if not NOT_HEADERS.match(name) and f"`{name}`" not in PAGE}
    assert not unlisted


def test_every_alpn_is_listed() -> None:
    for name in set(re.findall(r'b"(weft[a-z-]*/\d)"', rust("proxy"))):
        assert f"`{name}`" in PAGE


def test_every_variable_that_weft_reads_is_listed() -> None:
    python = [path.read_text(encoding="utf-8") for path in (ROOT / "python/weft").rglob("*.py")]
    named = set(re.findall(r"\bWEFT_[A-Z_]+", "\n".join([*python, rust("proxy")])))
    assert {name for name in named if f"`{name}`" not in PAGE} == set()


def test_every_metric_is_described_and_no_other() -> None:
    # A histogram's three series have one name.
    named = {re.sub("_seconds_(bucket|sum)$", "_seconds", n) for n in re.findall(r'"(weft_[a-z_]+)"', rust("proxy"))}
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `(weft_[a-z_]+)`", page, re.MULTILINE))
    assert named - described == set()
    assert described - named == set()
