import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from weft.run.control import Say, ask, serving
from weft.run.controller import Failed


async def echo(request: dict[str, Any], say: Say) -> dict[str, Any]:
    if request.get("do") == "fail":
        raise Failed("it fails", "try again", ("last", "words"))
    say("one")
    say("two")
    return request


async def test_a_question_has_an_answer_and_words_before_it(tmp_path: Path) -> None:
    said: list[str] = []
    async with serving(tmp_path / "s", echo):
        question = {"do": "x", "env": {"A": "b" * 100_000}}
        assert await asyncio.to_thread(ask, str(tmp_path / "s"), question, said.append) == question
    assert said == ["one", "two"]
    assert not (tmp_path / "s").exists()


async def test_a_failure_comes_over_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", echo):
        with pytest.raises(Failed, match="it fails") as caught:
            await asyncio.to_thread(ask, str(tmp_path / "s"), {"do": "fail"}, print)
    assert (caught.value.hint, caught.value.tail) == ("try again", ("last", "words"))


async def test_nobody_else_may_ask_whatever_the_folder_allows(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with serving(tmp_path / "s", echo):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    finally:
        os.umask(before)


async def test_nonsense_harms_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", echo):
        for text in (b"\n", b"{\n", b"", b"[]\n", b"\xff\n"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            writer.write(text)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        assert await asyncio.to_thread(ask, str(tmp_path / "s"), {}, lambda text: None) == {}


def test_where_nobody_listens_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="`weft up` does not answer"):
        ask(str(tmp_path / "gone"), {}, print)


async def test_who_ends_before_the_answer_is_noticed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        asking = asyncio.create_task(asyncio.to_thread(ask, str(tmp_path / "s"), {}, print))
        connection, _ = await asyncio.to_thread(server.accept)
        await asyncio.to_thread(connection.recv, 100)
        connection.close()
        with pytest.raises(Failed, match="ended before it had answered"):
            await asking
