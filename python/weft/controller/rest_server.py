"""REST's listener: uvicorn inside our own process, with our signals and our idea of who connected."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from weft.controller.options import Address, OptionError
from weft.controller.peercred import owner
from weft.controller.rest_guard import PEER_UID, Guard

# Slow requests are watches, and those end when asked to.
GRACE_S = 2
# uvicorn answers 503 from here on.
MAX_CONNECTIONS = 500
# Those that ask nothing have to make room before that.
MAX_IDLE = 400
# From the first connect, or the last answer, to a whole request head.
HEAD_S = 10.0
BACKLOG = 128


class _Protocol(H11Protocol):
    """Asks the kernel once per connection who is there, while that is certain; ends those who ask nothing."""

    _awaits_head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_IDLE:
            idle = [each for each in self.connections if isinstance(each, _Protocol) and each._awaits_head]
            if idle:
                min(idle, key=_Protocol._since)._give_up()
        self._expect_head()
        client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        uid = owner(client[:2], server[:2]) if client and server else None
        self.app_state = {**self.app_state, PEER_UID: uid}

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle and not self.cycle.response_complete:
            self._expect_nothing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.cycle or self.cycle.response_complete:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._expect_nothing()
        self._awaits_head = self.loop.call_later(HEAD_S, self._give_up)

    def _expect_nothing(self) -> None:
        if self._awaits_head:
            self._awaits_head.cancel()
        self._awaits_head = None

    def _since(self) -> float:
        return self._awaits_head.when() if self._awaits_head else math.inf

    def _give_up(self) -> None:
        self._expect_nothing()
        self.transport.abort()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The controller has its own."""
        yield


class RestServer:
    def __init__(self, wanted: Address) -> None:
        family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((wanted.host, wanted.port))
        except OSError as error:
            self._socket.close()
            raise OptionError(
                f"cannot listen on {wanted}: {error.strerror}",
                "stop what listens there, or choose another --rest-address",
            ) from error
        self.address = Address(wanted.host, self._socket.getsockname()[1])
        self._server: _Server | None = None
        self._task: asyncio.Task[Any] | None = None

    async def start(self, app: Guard) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._socket.close()
