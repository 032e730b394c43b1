"""Whose process is at the other end of a loopback connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from weft.controller import peercred

pytestmark = pytest.mark.skipif(not peercred.SUPPORTED, reason="only Linux tells who owns a TCP connection")

CLIENT = """
import os, socket, sys
os.setuid(int(sys.argv[2]))
# All that is needed is imported: that user may not be able to read this Python's library.
client = socket.socket()
client.connect(("127.0.0.1", int(sys.argv[1])))
os.read(0, 1)
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_our_own_process_is_recognised(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        place = server.getsockname()[:2]
        with socket.create_connection(place) as client:
            assert peercred.owner(client.getsockname()[:2], place) == os.geteuid()
            assert peercred.trusted(os.geteuid()) and peercred.trusted(0)


def test_who_has_closed_is_nobody_and_not_root() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, name = server.accept()[0], client.getsockname()
        client.close()
        assert peercred.owner(name, server.getsockname()) is None
        accepted.close()
        assert peercred.owner(name, server.getsockname()) is None
    assert not peercred.trusted(None)


def test_what_is_no_connection_is_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # The server itself listens there: that is no connection either.
        assert peercred.owner(server.getsockname(), ("127.0.0.1", 1)) is None
    assert peercred.owner(("not an address", 1), ("127.0.0.1", 1)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run a process as another user")
def test_another_user_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", CLIENT, str(server.getsockname()[1]), "12345"]
        server.settimeout(20)
        with subprocess.Popen(command, stdin=subprocess.PIPE) as client:
            accepted, name = server.accept()
            assert peercred.owner(name, server.getsockname()) == 12345
            assert not peercred.trusted(12345)
            client.communicate(b"")
            accepted.close()
