"""Host names of containers in commands and environments, as the addresses that weft tells the app."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Before a host in what apps are given: //db, @db, a list of them, or nothing at all.
_BEFORE = r"(?P<before>//|@|,|=|\s|^)"
# After these it is a host; after others it may be any word.
_SURE = ("//", "@")
# What may hold a host and nothing else.
_HOST_NAMED = re.compile(r"HOST|ADDR|SERVER|URL|URI|ENDPOINT|BROKER|UPSTREAM|BACKEND", re.IGNORECASE)
# After these a number is a port.
_FLAG = r"-[pbl]|--?[\w-]*(?:port|bind|listen|addr)[\w-]*|runserver"


@dataclass(frozen=True, slots=True)
class Callee:
    """Another service, and what it is called."""

    label: str
    names: Sequence[str]
    ports: Sequence[int]

    def variable(self, port: int | None) -> str:
        """Under which it is known: $(DB_HOST), of a second port $(DB_8008_HOST)."""
        name = re.sub(r"[^A-Z0-9]", "_", self.label.upper())
        return f"$({name}_HOST)" if port in (None, *self.ports[:1]) else f"$({name}_{port}_HOST)"


def addressed(text: str, callees: Iterable[Callee], calls: set[str], variable: str = "") -> str:
    """`text`, the value of `variable`, with the hosts that are callees replaced; `calls` gets the labels of those."""
    named = bool(_HOST_NAMED.search(variable))
    for callee in callees:
        for name in callee.names:

            def host(use: re.Match[str], callee: Callee = callee) -> str:
                port = int(use["port"]) if use["port"] else None
                sure = use["before"] in _SURE or (named and not use["before"].strip(","))
                if port not in callee.ports if port else not sure:
                    return use[0]
                calls.add(callee.label)
                return f"{use['before']}{callee.variable(port)}{use['rest']}"

            text = _host(name).sub(host, text)
    return text


def ports_mentioned(texts: Iterable[str], names: Iterable[str]) -> list[int]:
    """Ports of a host, as others write them: db:5432."""
    patterns = [_host(name) for name in names]
    found = (int(use["port"]) for text in texts for each in patterns for use in each.finditer(text) if use["port"])
    return list(dict.fromkeys(port for port in found if 0 < port < 65536))


def with_port(words: str | list[str], ports: Sequence[int]) -> str | list[str]:
    """A command with $(PORT) where it names the port on which it listens, on all addresses only if it has to."""
    if isinstance(words, str):
        return _ported(words, ports)
    found: list[str] = []
    for place, word in enumerate(words):
        flag = place > 0 and re.fullmatch(_FLAG, words[place - 1], re.IGNORECASE)
        alone = flag and word.isdecimal() and int(word) in ports
        found.append(variable(int(word), ports) if alone else _ported(word, ports))
    return found


def variable(port: int, ports: Sequence[int]) -> str:
    return "$(PORT)" if port == ports[0] else f"$(PORT_{port})"


def _ported(text: str, ports: Sequence[int]) -> str:
    for port in ports:
        name = variable(port, ports)
        mark = rf"(?P<before>:|(?:^|\s)(?:{_FLAG})[ =]){port}(?![\w.:])"
        text = re.sub(mark, rf"\g<before>{name}", text, flags=re.IGNORECASE)
    return re.sub(r"(?<![\d.])0\.0\.0\.0(?![\d.])", "127.0.0.1", text)


def _host(name: str) -> re.Pattern[str]:
    return re.compile(rf"{_BEFORE}{re.escape(name)}(?P<rest>:(?P<port>\d{{1,5}})(?!\d)|(?=[/,?]|$))")
