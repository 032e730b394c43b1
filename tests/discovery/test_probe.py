import asyncio

import pytest

from weft.discovery.probe import Probe


@pytest.mark.parametrize("address", ["127.53.12.1", "::1"])
async def test_what_listens_answers_and_what_does_not_does_not(address):
    server = await asyncio.start_server(lambda reader, writer: writer.close(), address, 0)
    port = server.sockets[0].getsockname()[1]
    assert await Probe()(address, port)
    server.close()
    await server.wait_closed()
    assert not await Probe()(address, port)
