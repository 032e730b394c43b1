"""In which order the runs are made: alternating, never proxy by proxy.

A neighbour that wakes up on the machine for ten seconds then disturbs one run of
each proxy, which the median forgets, and not all runs of one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.scenarios import SCENARIOS, Mode, Scenario, Topology


class UnknownName(ValueError):
    """A scenario or proxy that no table knows."""


@dataclass(frozen=True)
class Case:
    """One run of one proxy."""

    proxy: str
    connections: int
    run: int


@dataclass(frozen=True)
class Leg:
    """All that is measured while one set of proxies is up."""

    scenario: str
    topology: Topology
    body_bytes: int
    proxies: tuple[str, ...]
    connections: tuple[int, ...]

    def cases(self, runs: int) -> Iterator[Case]:
        # Few connections first: memory that 256 needed is seldom given back.
        for connections in sorted(self.connections):
            for run in range(runs):
                for proxy in _rotated(self.proxies, run):
                    yield Case(proxy, connections, run)


def legs(mode: Mode, scenarios: Sequence[str] = (), only: Sequence[str] = ()) -> list[Leg]:
    """What a mode measures, narrowed to `scenarios` and `only` where given."""
    _refuse_unknown("scenario", scenarios, [s.name for s in SCENARIOS])
    _refuse_unknown("proxy", only, [p for s in SCENARIOS for p in s.proxies])
    wanted = scenarios or mode.scenarios
    found = [_leg(s, mode, only) for s in SCENARIOS if s.name in wanted]
    return [leg for leg in found if leg.proxies]


def _leg(scenario: Scenario, mode: Mode, only: Sequence[str]) -> Leg:
    return Leg(
        scenario=scenario.name,
        topology=scenario.topology,
        body_bytes=scenario.body_bytes,
        proxies=_proxies(scenario, mode, only),
        connections=tuple(c for c in scenario.connections if c in mode.connections),
    )


def _proxies(scenario: Scenario, mode: Mode, only: Sequence[str]) -> tuple[str, ...]:
    if only:
        return tuple(p for p in scenario.proxies if p in only)
    return tuple(p for p in scenario.proxies if (scenario.name, p) not in mode.without)


def _rotated(proxies: tuple[str, ...], run: int) -> tuple[str, ...]:
    """Another one begins each time, so that none always follows the same."""
    start = run % len(proxies)
    return proxies[start:] + proxies[:start]


def _refuse_unknown(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            names = ", ".join(dict.fromkeys(known))
            raise UnknownName(f"no {what} named {name!r}\n\nhint: one of {names}")
