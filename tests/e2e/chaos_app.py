"""The app of the chaos test: `api` answers; `web`, which has API_HOST and API_PORT, asks api first."""

import asyncio
import os
import signal
import sys

from chaos_http import Done, Pool, Served

API = Pool(os.environ["API_HOST"], int(os.environ["API_PORT"])) if "API_PORT" in os.environ else None


def answer(path: str, reply: Done) -> None:
    if API is None or path == "/healthz":
        reply(200, b"api")
        return

    def done(status: int, body: bytes) -> None:
        if status == 200:
            reply(200, b"web+" + body)
        else:
            reply(502, b"api: %d %s" % (status, body))

    API.get(path, "api", done)


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, sys.exit, 0)
    server = await loop.create_server(lambda: Served(answer), "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
