"""What listens on this machine as a draft: each a service that weft does not run, and how weft would run it as comment.

Nobody's process is touched. Whoever wants weft to run one stops it first, and moves the comment into the file.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from weft.init.draft import Draft, Entry
from weft.init.images import KNOWN, short
from weft.resources.problem import Problem
from weft.run.plan import dns_label
from weft.run.sys_ports import Listener

# The system's own: ssh, names, mail.
LOWEST = 1024
# What others cannot use for calls: they speak first, or no HTTP at all.
_OPAQUE = {port: name for name, port in reversed(KNOWN.items())}
_INTERPRETERS = ("python", "node", "ruby", "perl", "php", "java", "deno", "bun", "sh", "bash", "uv")
_WEFT = ("weft-proxy", "weft.cli", "weft")


def draft(found: Iterable[Listener]) -> Draft:
    """`found`: by port."""
    made = Draft("what listens on this machine")
    left_out: dict[str, list[str]] = {}
    for port, group in groupby(found, key=lambda each: each.port):
        listeners = list(group)
        known = next((each for each in listeners if each.pid is not None), listeners[0])
        if reason := _left_out(known):
            left_out.setdefault(reason, []).append(str(port))
            continue
        made.entries.append(_entry(known, {entry.name for entry in made.entries}))
    made.problems = [
        Problem("", 0, 0, f"left out: {', '.join(ports)}", reason, severity="warning")
        for reason, ports in left_out.items()
    ]
    made.comments = [
        "weft runs none of these; they go on as they are. To let weft run one: stop it, and write the run: of its "
        "comment in place of endpoints:. Command lines may hold secrets: look before you share this file."
    ]
    return made


def _left_out(found: Listener) -> str:
    if found.pid is None and found.port not in _OPAQUE:
        return "ports of somebody else's processes"
    if found.port < LOWEST:
        return "ports of the system"
    if any(Path(word).name in _WEFT for word in found.command[:4]):
        return "ports of weft"
    return ""


def _entry(found: Listener, taken: set[str]) -> Entry:
    name = _name(found)
    entry = Entry(name if name not in taken else f"{name[:57]}-{found.port}")
    entry.fields = {"port": found.port}
    if found.port in _OPAQUE:
        entry.fields["protocol"] = "TCP"
    entry.fields["endpoints"] = [{"address": _reached(found.address)}]
    entry.comments = list(_comments(found))
    return entry


def _comments(found: Listener) -> Iterator[str]:
    if found.pid is None:
        yield f"Port {found.port} of a process of somebody else."
        return
    yield f"Port {found.port} of process {found.pid}."
    yield f"run: {shlex.join(found.command)}"
    yield f"directory: {found.directory}"


def _name(found: Listener) -> str:
    """By its script rather than its interpreter, by its folder rather than by a script that all are called."""
    if found.pid is None:
        return _OPAQUE[found.port]
    words = [Path(word).name for word in found.command]
    if words and words[0].rstrip("0123456789.") in _INTERPRETERS:
        script = next((word for word in words[1:] if not word.startswith("-")), words[0])
        stem = script.rpartition(".")[0] or script
        words = [Path(found.directory).name if stem in ("app", "main", "server", "index", "manage") else stem]
    label = dns_label(short(words[0]) if words else "service")
    return _OPAQUE.get(found.port, label) if label == "workload" else label


def _reached(address: str) -> str:
    """Where it is reached from here: who listens everywhere listens on loopback, too."""
    return {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(address, address)
