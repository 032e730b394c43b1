"""Whether this machine can run a controller and workloads."""

from __future__ import annotations

from collections.abc import Iterator

from weft import __version__
from weft.check.facts import CAP_BPF, CAP_NET_ADMIN, PORTS, Machine
from weft.check.model import Check, Result, holds, none_of, skipped

# pyproject.toml: requires-python.
PYTHON = (3, 11)
# sk_lookup, by which connections to an app's port would reach its proxy: bpf(2), Linux 5.9.
HOOKS_KERNEL = (5, 9)
# The oldest long-term kernel that is still maintained; nothing of explicit mode needs a newer one.
KERNEL = (5, 10)
# 2026: a clock before this version was made makes certificates that are not valid yet.
OLDEST_CLOCK = 1_767_225_600.0
# A controller with 10,000 services takes about 1 GB, a small one 100 MB; a proxy 10 MB.
MEMORY = 256 << 20
# A store of 10,000 revisions and a day of logs; with less than a tenth of it the next write may fail.
DISK, DISK_LEAST = 1 << 30, 100 << 20
INODES = 1_000
# A proxy has two sockets for each connection: a thousand connections and some room.
OPEN_FILES = 4_096
# A burst of connects in one turn of an engine's loop; Linux has had 4096 since 5.4.
BACKLOG = 1_024
# sun_path has 104 bytes on macOS; /controller.sock and a directory of ours need 40.
TEMPORARY = 60


def machine_checks(machine: Machine, controller_here: bool) -> Iterator[Check]:
    """`controller_here`: one answers at its usual address, so its ports are taken by whom they are for."""
    yield from _software(machine)
    yield from _resources(machine)
    yield from _network(machine, controller_here)
    yield from _state(machine)
    yield from ways(machine)


def ways(machine: Machine) -> Iterator[Check]:
    """The three ways into the path: which of them this machine could have, and which this version has."""
    linux, admin = ("Linux", machine.system == "Linux"), ("CAP_NET_ADMIN", machine.may(CAP_NET_ADMIN))
    hooks = (("Linux 5.9", linux[1] and machine.kernel[:2] >= HOOKS_KERNEL), ("cgroup v2", machine.cgroup2))
    bpf = ("CAP_BPF", machine.may(CAP_BPF))
    yield _later("way-hooks", "way 1, kernel hooks: eBPF changes where an app connects to", *hooks, bpf, admin)
    nft = ("nft", machine.nft)
    yield _later("way-redirect", "way 2, nftables: connections are redirected to the proxy", linux, nft, admin)
    place = "a local port per service" if machine.loopback_block else "an address per service"
    limit = "it protects no workload from other processes on its machine, which can call its app past the proxy"
    what = "way 3, explicit: apps call addresses given to them"
    yield Check("way-explicit", what, "ok", f"possible, with {place}; {limit}")


def _later(id: str, what: str, *needs: tuple[str, bool]) -> Check:
    lacks = _lacking(*needs)
    return skipped(id, what, f"not in this version; this machine {f'lacks {lacks}' if lacks else 'could'}")


def _lacking(*parts: tuple[str, bool]) -> str:
    return ", ".join(name for name, there in parts if not there)


def _software(machine: Machine) -> Iterator[Check]:
    version = ".".join(map(str, machine.python))
    newer = f"use Python {PYTHON[0]}.{PYTHON[1]} or later"
    yield holds("python-version", "Python is new enough", machine.python[:2] >= PYTHON, version, newer)
    again = "run `pip install --force-reinstall weft` or `make build`"
    yield none_of("python-modules", "every module that weft needs is there", machine.modules_missing, again)
    yield holds("proxy-binary", "weft-proxy is there", machine.proxy is not None, machine.proxy or "", again)
    if machine.proxy is None:
        yield skipped("proxy-runs", "weft-proxy runs here", "there is none")
        yield skipped("proxy-version", "weft-proxy and weft are of one version", "there is none")
    else:
        built = "it may be built for another machine: build it here, with `make build`"
        yield holds("proxy-runs", "weft-proxy runs here", bool(machine.proxy_version), machine.proxy, built)
        same = machine.proxy_version == __version__
        yield holds(
            "proxy-version", "weft-proxy and weft are of one version", same, machine.proxy_version, again, "warn"
        )
    tested = "Linux is tested; elsewhere explicit mode is meant to work"
    yield holds("system", "the operating system is tested", machine.system == "Linux", machine.system, tested, "warn")
    if machine.system != "Linux":
        yield skipped("kernel", "the kernel is new enough", "no Linux")
        return
    kernel = ".".join(map(str, machine.kernel))
    maintained = f"{KERNEL[0]}.{KERNEL[1]} and later are tried"
    yield holds("kernel", "the kernel is new enough", machine.kernel[:2] >= KERNEL, kernel, maintained, "warn")


def _resources(machine: Machine) -> Iterator[Check]:
    yield Check("cpus", "processors", "ok", str(machine.cpus))
    if machine.memory_free is None:
        yield skipped("memory", "memory is free", "cannot be seen here")
    else:
        room = machine.memory_free >= MEMORY
        yield holds(
            "memory", "memory is free", room, _size(machine.memory_free), "a controller takes 100 MB and more", "warn"
        )
    more = "raise it: `ulimit -Hn`, or LimitNOFILE= of the unit"
    enough = machine.open_files >= OPEN_FILES or machine.open_files < 0
    yield holds("open-files", "a process may open many files", enough, str(machine.open_files), more, "warn")
    right = machine.now >= OLDEST_CLOCK
    yield holds("clock", "the clock is not in the past", right, "", "set it: certificates depend on it")
    if machine.clock_synchronised is None:
        yield skipped("clock-synchronised", "the clock is kept right", "neither chrony nor systemd-timesyncd runs here")
    else:
        yield Check("clock-synchronised", "the clock is kept right", "ok")


def _network(machine: Machine, controller_here: bool) -> Iterator[Check]:
    free = not machine.loopback_block
    one = "services get any free port of 127.0.0.1 instead, which SERVICE_PORT tells the app"
    yield holds("loopback", "all of 127.0.0.0/8 can be used", free, machine.loopback_block, one, "warn")
    detail = "" if machine.ipv6_loopback else "no ::1 here: only apps that listen on it alone would mind"
    yield Check("loopback-ipv6", "IPv6 loopback", "ok" if machine.ipv6_loopback else "skip", detail)
    option = {"rest": "--rest-address", "grpc": "--grpc-address", "join": "--grpc-address"}
    for name, why in machine.ports.items():
        id, what = f"port-{name}", f"port {PORTS[name]} is free for a controller"
        if why and controller_here:
            yield Check(id, what, "ok", "the controller has it")
        else:
            other = f"a controller here needs another one: `weft controller {option[name]}`"
            yield holds(id, what, not why, why, other, "warn")
    if machine.ephemeral is None:
        yield skipped("ephemeral-ports", "no outgoing connection takes those ports", "cannot be seen here")
    else:
        low, high = machine.ephemeral
        apart = not any(low <= port <= high for port in PORTS.values())
        reserve = "reserve 15010-15080 in net.ipv4.ip_local_reserved_ports"
        taken = "no outgoing connection takes those ports"
        yield holds("ephemeral-ports", taken, apart, f"outgoing: {low} to {high}", reserve, "warn")
    if machine.backlog is None:
        yield skipped("backlog", "bursts of connections are queued", "cannot be seen here")
    else:
        raised, queued = "raise net.core.somaxconn", "bursts of connections are queued"
        yield holds("backlog", queued, machine.backlog >= BACKLOG, str(machine.backlog), raised, "warn")
    first = machine.unprivileged_from
    low_ports = machine.user == 0 or (first is not None and first <= 80)
    detail = "" if low_ports else "services on ports below 1024 get another one, which SERVICE_PORT tells the app"
    yield Check("low-ports", "ports below 1024 can be used", "ok" if low_ports else "skip", detail)
    none = "weft itself ignores them; apps send calls to the mesh past them by NO_PROXY, if they honour it"
    yield none_of("proxy-variables", "no HTTP proxy for apps", machine.proxy_variables, none, "warn")


def _state(machine: Machine) -> Iterator[Check]:
    elsewhere = "name another place with --state-dir or WEFT_STATE_DIR"
    where = machine.state_dir
    yield holds("state-writable", "the state directory can be written", machine.state_writable, where, elsewhere)
    if machine.state_mode is None:
        yield skipped("state-owner", "the state directory is ours", "made at the first start")
        yield skipped("state-mode", "the state directory is closed to others", "made at the first start")
    else:
        owner = f"it belongs to user {machine.state_owner}, this is {machine.user}"
        ours = machine.state_owner == machine.user
        yield holds("state-owner", "the state directory is ours", ours, "" if ours else owner, elsewhere)
        closed, mode = not machine.state_mode & 0o077, f"mode {machine.state_mode:o}"
        yield holds("state-mode", "the state directory is closed to others", closed, mode, f"chmod 700 {where}")
    again = "chmod 600 them; whoever could read a key may have it: begin with a new one"
    yield none_of("state-secrets", "nobody else can read keys, tokens or the store", machine.readable_by_others, again)
    free = machine.disk_free or 0
    full: Result = "fail" if free < DISK_LEAST else "warn"
    yield holds("disk", "the disk under it has room", free >= DISK, _size(free), "make room", full)
    if machine.inodes_free is None:
        yield skipped("disk-files", "the disk has room for more files", "this file system does not count them")
    else:
        many = machine.inodes_free >= INODES
        yield holds("disk-files", "the disk has room for more files", many, str(machine.inodes_free), "delete some")
    found = machine.temporary
    short = found is not None and len(found) <= TEMPORARY
    hint = "set TMPDIR to a short path that can be written: `weft up` has sockets there"
    yield holds("temporary", "the temporary directory can be used", short, found or "none can be written", hint)


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GB" if count >= 1 << 30 else f"{count >> 20} MB"
