"""A controller's state directory, without a controller."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from weft.controller.statedir import StateDir
from weft.identity.authority import Authority
from weft.resources.ref import Ref
from weft.store.model import Token, Write
from weft.store.plan import Request
from weft.store.store import Store

TOKEN = Token("t1", b"hash", "default", "web", "", 0.0, 9e9)


@dataclass(frozen=True)
class State:
    path: Path

    @contextmanager
    def open(self) -> Iterator[Store]:
        store = Store(self.path / "store.db", lambda: 1.0)
        try:
            yield store
        finally:
            store.close()

    def apply(self, name: str) -> int:
        """The revision that it became."""
        ref = Ref("Service", "default", name)
        with self.open() as store:
            return asyncio.run(store.apply(Request([Write(ref, {"spec": {}})]))).revision


def make_state(path: Path, trust_domain: str = "t.example") -> State:
    made = StateDir(path)
    made.rest_token()
    Authority.open(made.ca, datetime.datetime.now(datetime.UTC), trust_domain)
    state = State(path)
    state.apply("a")
    state.apply("b")
    with state.open() as store:
        asyncio.run(store.add_token(TOKEN))
    made.close()
    return state


@pytest.fixture
def state(tmp_path: Path) -> State:
    """At revision 2, with a join token."""
    return make_state(tmp_path / "controller")
