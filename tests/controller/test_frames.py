"""Values over a pipe."""

from __future__ import annotations

import asyncio
import io

import pytest

from weft.controller import frames


def test_values_arrive_as_they_were_sent_one_by_one() -> None:
    pipe = io.BytesIO(frames.encode((1, "update", {"a": b"\x00"})) + frames.encode("next"))
    assert [frames.read(pipe), frames.read(pipe)] == [(1, "update", {"a": b"\x00"}), "next"]
    with pytest.raises(EOFError):
        frames.read(pipe)


@pytest.mark.parametrize("cut", [1, 3, 5, 12])
async def test_a_frame_that_is_cut_off_is_the_end(cut: int) -> None:
    data = frames.encode("some value")[:cut]
    with pytest.raises(EOFError):
        frames.read(io.BytesIO(data))
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    with pytest.raises(EOFError):
        await frames.read_async(reader)


async def test_both_readers_agree() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(frames.encode([1, 2]))
    assert await frames.read_async(reader) == [1, 2]


def test_a_pipe_out_of_step_is_the_end_and_no_gigabyte() -> None:
    with pytest.raises(EOFError, match="out of step"):
        frames.read(io.BytesIO(b"\xff\xff\xff\xff"))
