"""A file is taken whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weft.compiler.model import Discovered
from weft.discovery import files as module
from weft.discovery.files import File, parse
from weft.discovery.source import Failed
from weft.resources.source import FileSource

ENDPOINTS = """
- {address: 192.0.2.7, port: 5432, weight: 2, zone: b, labels: {version: v2}, identity: spiffe://t/ns/default/sa/a}
- {address: "2001:db8::7"}
- {targets: ["192.0.2.8:5432", "[2001:db8::8]:5433"], labels: {version: v1}}
"""


def test_both_shapes_are_read():
    assert list(parse(ENDPOINTS, "x.yaml", "file x")) == [
        Discovered("file x", "192.0.2.7", 5432, {"version": "v2"}, 2, "spiffe://t/ns/default/sa/a", "b"),
        Discovered("file x", "2001:db8::7"),
        Discovered("file x", "192.0.2.8", 5432, {"version": "v1"}),
        Discovered("file x", "2001:db8::8", 5433, {"version": "v1"}),
    ]
    assert list(parse('[{"address": "192.0.2.7", "port": 80}]', "x.json", "f")) == [Discovered("f", "192.0.2.7", 80)]


# What is wrong → what is said, with its place.
WRONG = {
    "- {address: 192.0.2.7": "x.yaml:2:1: not valid YAML",
    "address: 192.0.2.7": "x.yaml:1:1: this is not a list of endpoints (begin each endpoint with '- address: ')",
    "- {address: db.example.com}": "x.yaml:1:13: address: 'db.example.com' is not an IP address",
    "- {address: 192.0.2.7}\n- {address: 192.0.2.8, prot: 1}": 'x.yaml:2:24: unknown field "prot"',
    "- {address: 192.0.2.7, port: 0}": "x.yaml:1:30: port: 0 is less than 1",
    "- {}": "x.yaml:1:3: address is missing",
    "- 192.0.2.7": "x.yaml:1:3: this",
    "- targets: ['db:80']": "x.yaml:1:13: 'db:80' is not an address with a port",
    "- targets: ['192.0.2.7:0']": "x.yaml:1:13: '192.0.2.7:0' is not an address with a port",
    "[]\n---\n[]": "a second document",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(text, said):
    with pytest.raises(Failed) as caught:
        list(parse(text, "x.yaml", "f"))
    assert said in str(caught.value)


def test_a_port_of_its_own_is_ambiguous_where_the_service_has_several():
    assert list(parse("- {address: 192.0.2.7}", "x", "f", several=True)) == [Discovered("f", "192.0.2.7")]
    with pytest.raises(Failed, match="ambiguous"):
        list(parse("- {address: 192.0.2.7, port: 80}", "x", "f", several=True))


class Looked:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "db.yaml"
        self.file = File(FileSource(path=str(self.path)))
        self._time = 1_900_000_000

    def write(self, text: str) -> None:
        """As of another moment: clocks of file systems are coarse."""
        self.path.write_text(text)
        self._time += 1
        os.utime(self.path, (self._time, self._time))

    async def found(self) -> list[str] | str:
        """Addresses, or why there are none."""
        try:
            answer = await self.file.ask()
        except Failed as error:
            return str(error)
        [part] = answer.parts.values()
        return [endpoint.address for endpoint in part]  # type: ignore[union-attr]


@pytest.fixture
def looked(tmp_path: Path) -> Looked:
    return Looked(tmp_path)


async def test_the_first_look_takes_it(looked: Looked) -> None:
    looked.write("- {address: 192.0.2.7}")
    assert await looked.found() == ["192.0.2.7"]


async def test_a_change_is_taken_when_two_looks_see_the_same(looked: Looked) -> None:
    looked.write("- {address: 192.0.2.7}\n- {address: 192.0.2.8}")
    assert await looked.found() == ["192.0.2.7", "192.0.2.8"]
    looked.write("- {address: 192.0.2.9}\n")
    assert await looked.found() == ["192.0.2.7", "192.0.2.8"]
    looked.write("- {address: 192.0.2.9}\n- {address: 192.0.2.10}")
    assert await looked.found() == ["192.0.2.7", "192.0.2.8"]
    assert await looked.found() == ["192.0.2.9", "192.0.2.10"]


async def test_what_cannot_be_used_is_said_until_it_can(looked: Looked) -> None:
    assert await looked.found() == f"{looked.path}: no such file or directory"
    looked.write("- {address: nonsense}")
    for _ in range(2):
        assert str(await looked.found()).startswith(f"{looked.path}:1:13: address: 'nonsense' is not an IP address")
    looked.write("[]")
    await looked.found()
    assert await looked.found() == f"{looked.path}: it lists no endpoint"
    looked.write("- {address: 192.0.2.7}")
    await looked.found()
    assert await looked.found() == ["192.0.2.7"]
    looked.path.unlink()
    assert await looked.found() == f"{looked.path}: no such file or directory"


async def test_what_is_no_file_or_no_text_or_too_long_is_said(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> None:
    looked.path.mkdir()
    assert await looked.found() == f"{looked.path}: is not a file"
    looked.path.rmdir()
    os.mkfifo(looked.path)
    assert await looked.found() == f"{looked.path}: is not a file"
    looked.path.unlink()
    looked.path.write_bytes(b"- {address: \xff}")
    assert await looked.found() == f"{looked.path}: not UTF-8, at byte 12"
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    looked.write("- {address: 192.0.2.7}")
    await looked.found()
    assert "more than" in await looked.found()
