#!/usr/bin/env python3
"""A proxy child for the supervisor's tests: the handover protocol from its description, and nothing else.

Every connection to any of its sockets is answered with "<pid>\\n" and then takes one word: `die` (SIGKILL to itself),
`replace`, or `hello` (nothing). It ends by itself when FAKE_PROXY is "fail"; "deaf" ignores every word to stop.
"""

import array
import contextlib
import os
import select
import selectors
import signal
import socket
import sys
from pathlib import Path

MODE = os.environ.get("FAKE_PROXY", "")


def say(text: str) -> None:
    os.write(2, f"proxy: {text}\n".encode())


def read_line(channel: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\n"):
        line += channel.recv(1) or sys.exit("proxy: the supervisor has gone")
    return line[:-1].decode()


def handover(channel: socket.socket) -> tuple[dict[str, str], list[socket.socket]]:
    """What came with the supervisor's first message."""
    if read_line(channel) != "weft-handover 1":
        sys.exit("proxy: not a supervisor")
    values = dict(line.split(" ", 1) for line in iter(lambda: read_line(channel), ""))
    sockets: list[socket.socket] = []
    while len(sockets) < int(values["sockets"]):
        _, control, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(64 * 4))
        fds = array.array("i", b"".join(data for _, _, data in control))
        sockets += [socket.socket(fileno=fd) for fd in fds]
    length = int(values["launch"])
    while length:
        length -= len(channel.recv(length))
    return values, sockets


def serve(client: socket.socket, channel: socket.socket) -> None:
    """One connection, which holds up all others: tests want no more."""
    client.sendall(f"{os.getpid()}\n".encode())
    word = client.makefile().readline().strip()
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "replace":
        channel.sendall(b"replace\n")
    client.close()


class Proxy:
    def __init__(self) -> None:
        self.channel = socket.socket(fileno=0)
        self.values, self.sockets = handover(self.channel)
        self.selector = selectors.DefaultSelector()
        self.accepting = True
        self.app = 0

    def on_signals(self) -> None:
        """SIGTERM as a byte to read."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.wakeup = theirs
        signal.set_wakeup_fd(theirs.fileno())
        signal.signal(signal.SIGTERM, lambda *_: None)
        self.selector.register(ours, selectors.EVENT_READ, self.drain)

    def drain(self, signals: socket.socket) -> None:
        signals.recv(64)
        say("draining")
        if MODE == "deaf" or not self.accepting:
            return
        self.accepting = False
        for listener in self.sockets:
            self.selector.unregister(listener)
        if MODE == "exits":
            sys.exit(0)
        self.channel.sendall(b"drained\n")

    def hear(self, channel: socket.socket) -> None:
        heard = channel.recv(256).decode()
        if not heard:
            say("alone")
            self.end_leftovers()
            sys.exit(0)
        for line in heard.split("\n"):
            self.app = int(line.removeprefix("app ")) if line.startswith("app ") else self.app
        if "stop" in heard.split("\n") and MODE != "deaf":
            say("stopping")
            sys.exit(0)

    def end_leftovers(self) -> None:
        """What a dead supervisor cannot do any more."""
        if self.app:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.app, signal.SIGKILL)
        if compartment := self.values.get("compartment"):
            Path(compartment, "cgroup.kill").write_text("1")
            with Path(compartment, "cgroup.events").open() as events:
                poll = select.poll()
                poll.register(events, select.POLLPRI)
                while "populated 1" in events.read():
                    poll.poll(1000)
                    events.seek(0)
            Path(compartment).rmdir()

    def accept(self, listener: socket.socket) -> None:
        # The other proxy was faster, or the client has gone.
        with contextlib.suppress(OSError):
            serve(listener.accept()[0], self.channel)

    def run(self) -> None:
        self.on_signals()
        self.selector.register(self.channel, selectors.EVENT_READ, self.hear)
        for listener in self.sockets:
            listener.setblocking(False)
            self.selector.register(listener, selectors.EVENT_READ, self.accept)
        say(f"ready with {len(self.sockets)} sockets")
        self.channel.sendall(b"ready\n")
        while True:
            for key, _ in self.selector.select():
                key.data(key.fileobj)


if __name__ == "__main__":
    if MODE == "fail":
        sys.exit("proxy: I fail")
    Proxy().run()
