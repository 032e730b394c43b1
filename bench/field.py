"""The field: the backend and all proxies of a leg, up at the same time.

Started once per leg, so that turns can alternate without paying for a start; a
proxy that is not in its turn has nothing to do.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import machine, readiness
from bench.certificates import Certificates
from bench.plan import Leg
from bench.processes import running
from bench.proxies import ADAPTERS, nginx
from bench.proxies.launch import PATH, Guarded, Launch, NotInstalled, Site


@dataclass(frozen=True)
class Proxy:
    """A proxy that serves."""

    name: str
    url: str
    # Of the processes that the harness started; they may have children.
    pids: tuple[int, ...]


@contextmanager
def field(leg: Leg, folder: Path, certificates: Certificates) -> Iterator[dict[str, Proxy]]:
    """Everything of a leg, proved to work; it ends with the block."""
    with ExitStack() as stack:
        sites = _sites(leg, folder, certificates)
        backend = nginx.backend(sites["backend"], leg.body_bytes)
        core = machine.LOAD_CORE
        _start(stack, "backend", backend, sites["backend"], core, leg.body_bytes)
        yield {name: _proxy(stack, leg, name, sites[name]) for name in leg.proxies}


def _proxy(stack: ExitStack, leg: Leg, name: str, site: Site) -> Proxy:
    launch = ADAPTERS[leg.topology, name](site)
    core = machine.PROXY_CORE
    pids = _start(stack, name, launch, site, core, leg.body_bytes)
    if launch.guarded is not None:
        _prove_guarded(name, launch, launch.guarded, site)
    return Proxy(name, f"http://127.0.0.1:{launch.entry}{PATH}", pids)


def _start(stack: ExitStack, name: str, launch: Launch, site: Site, core: int, body_bytes: int) -> tuple[int, ...]:
    """Starts all processes of a launch; returns when it answers."""
    for file, content in launch.files.items():
        (site.folder / file).write_text(content)
    children = []
    for index, command in enumerate(launch.commands):
        _refuse_missing(command[0])
        log = site.folder / f"{name}.{index}.log"
        children.append(stack.enter_context(running(command, core, log)))
    readiness.wait(name, launch.entry, body_bytes, children)
    return tuple(child.process.pid for child in children)


def _prove_guarded(name: str, launch: Launch, guarded: Guarded, site: Site) -> None:
    """The client passes (for a port of its own protocol: by way of the entry, as has been seen); others do not."""
    if not guarded.stranger:
        return readiness.prove_guarded(name, guarded.port, site.certificates)
    readiness.prove_closed(name, guarded.port, site.certificates)
    log = site.folder / f"{name}.stranger.log"
    with running(guarded.stranger, machine.PROXY_CORE, log) as child:
        readiness.prove_refused(name, site.stranger, child)


def _refuse_missing(program: str) -> None:
    if shutil.which(program) is None:
        raise NotInstalled(f"{program} is not installed\n\nhint: leave it out with --only")


def _sites(leg: Leg, folder: Path, certificates: Certificates) -> dict[str, Site]:
    names = ("backend", *leg.proxies)
    backend, *ports = machine.free_ports(1 + 3 * len(names))
    sites = {}
    for name in names:
        own = folder / leg.scenario / name
        own.mkdir(parents=True)
        sites[name] = Site(own, ports.pop(), ports.pop(), ports.pop(), backend, certificates)
    return sites
