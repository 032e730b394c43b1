"""What is measured: scenarios, and how thoroughly each command measures them.

A new scenario is a new entry of SCENARIOS, and adapters for its topology where
`proxies/__init__.py` has none yet.
"""

from dataclasses import dataclass, field
from enum import Enum


class Topology(Enum):
    """The path from the client (C) to the backend (B)."""

    HOP = "C -> proxy -> B"
    PAIR = "C -> proxy = mTLS, caller's identity checked = proxy -> B"


@dataclass(frozen=True)
class Scenario:
    name: str
    topology: Topology
    body_bytes: int
    # In the order in which they are tabled; `direct` is no proxy at all.
    proxies: tuple[str, ...]
    connections: tuple[int, ...] = (1, 32, 256)


SCENARIOS = (
    Scenario(
        name="hop-h1-64B",
        topology=Topology.HOP,
        body_bytes=64,
        proxies=("direct", "nginx", "haproxy", "envoy", "weft"),
    ),
    Scenario(
        name="pair-h1-64B",
        topology=Topology.PAIR,
        body_bytes=64,
        proxies=(
            "direct",
            "haproxy",
            "haproxy-h2",
            "envoy-h1",
            "envoy-h2",
            "weft",
            "weft-2p",
        ),
    ),
)


@dataclass(frozen=True)
class Mode:
    """How thoroughly: `quick` while working, `full` for what is published."""

    scenarios: tuple[str, ...]
    connections: tuple[int, ...]
    runs: int
    seconds: int
    # (scenario, proxy) that this mode leaves out.
    without: frozenset[tuple[str, str]] = field(default_factory=frozenset)


# 11 proxies x 2 levels x 3 runs x 3 s = 198 s; with starts and warm-ups under 4 min.
QUICK = Mode(
    scenarios=("hop-h1-64B", "pair-h1-64B"),
    connections=(32, 256),
    runs=3,
    seconds=3,
    # The same path as in the hop: measured there.
    without=frozenset({("pair-h1-64B", "direct")}),
)

# Five runs: the fewest for which a median ignores two disturbed ones.
FULL = Mode(
    scenarios=tuple(scenario.name for scenario in SCENARIOS),
    connections=(1, 32, 256),
    runs=5,
    seconds=5,
)

MODES = {"quick": QUICK, "full": FULL}
