"""docs/operations.md says what is: its tables against the code, and against a controller and a proxy that run."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import World, until
from tests.e2e.support import running
from weft.backup.restore import OURS
from weft.check.facts import PORTS
from weft.cli.backup import controller_directory
from weft.controller.controller import SETTLE_S
from weft.controller.options import Address, Options
from weft.run.logfile import MAX_BYTES
from weft.run.prepare import KEPT, LAUNCH
from weft.run.sys_unit import STOP_WORKLOAD_S
from weft.store.snapshot import REVISIONS_LOST

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def table(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


PATHS = {row[0].strip("`"): row[1] for row in table("What lies where")}


def documented(path: str) -> str | None:
    """The row of a path below STATE."""
    for row in PATHS:
        pattern = re.sub(r"<[a-z]+>", "[^/]+", re.escape(row.removeprefix("STATE/").rstrip("/")).replace(r"\-", "-"))
        if re.fullmatch(pattern, path):
            return row
    return None


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A controller, and one workload that serves and calls."""
    with running(tmp_path_factory.mktemp("o")) as world:
        world.controller()
        world.apply(world.service("reviews"))
        world.serve("reviews", "--call", "reviews")
        state = world.folder / "state" / "workloads" / "default" / "reviews-0"
        until(lambda: all((state / name).exists() for name in KEPT), "what a proxy keeps")
        yield world


def test_every_file_of_a_mesh_is_in_the_table(mesh: World) -> None:
    state = mesh.folder / "state"
    files = [path for path in state.rglob("*") if not path.is_dir()]
    names = {path.relative_to(state).as_posix(): path for path in files}
    assert len(names) > 8
    assert [name for name in names if documented(name) is None] == []
    modes = {name: f"0{path.stat().st_mode & 0o777:o}" for name, path in names.items()}
    assert {name: mode for name, mode in modes.items() if mode != PATHS[documented(name) or ""]} == {}
    assert {path.parent.stat().st_mode & 0o777 for path in files} == {0o700}


def test_every_row_of_the_table_is_a_name_of_the_code() -> None:
    for name in (*(f"controller/{name}" for name in OURS if name != "ca"), "controller/ca/root.key"):
        assert documented(name), name
    for name in (LAUNCH, "lock", *KEPT):
        assert documented(f"workloads/default/web-0/{name}"), name
    for name in ("controller/restoring", "controller/before-restore-20260101T000000Z", "up/shop-1/log.1"):
        assert documented(name), name
    assert documented("controller/something-else") is None


def sockets(pid: int) -> set[str]:
    """What a process and its children listen on, as the kernel tells: host:port or a path."""
    family = [pid, *map(int, subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split())]
    inodes = set()
    for each in family:
        for link in Path(f"/proc/{each}/fd").glob("*"):
            try:
                inodes.update(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
            except OSError:
                continue  # closed meanwhile
    found = set()
    tcp = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    for words in map(str.split, tcp):
        if words[3] == "0A" and words[9] in inodes:
            # gRPC listens on ::ffff:127.0.0.1, the same place: the last four bytes, low byte first.
            host, port = words[1].split(":")
            octets = [str(int(host[-8:][i : i + 2], 16)) for i in (6, 4, 2, 0)]
            found.add(f"{'.'.join(octets)}:{int(port, 16)}")
    # 00010000: it listens (__SO_ACCEPTCON).
    for words in map(str.split, Path("/proc/net/unix").read_text().splitlines()[1:]):
        if words[3] == "00010000" and words[6] in inodes:
            found.add(words[7] if len(words) > 7 else "")
    return found


def test_a_controller_listens_where_the_table_says(mesh: World) -> None:
    found = sockets(mesh.processes[0].pid)
    state = mesh.folder / "state" / "controller" / "controller.sock"
    grpc = {f"127.0.0.1:{mesh.grpc}", f"127.0.0.1:{mesh.grpc + 1}"}
    assert found == {f"127.0.0.1:{mesh.rest}", *grpc, str(state)}
    rows = [row[0].strip("`") for row in table("Ports") if row[1] == "controller"]
    assert len(rows) == len(found)


def test_a_proxy_listens_where_the_table_says(mesh: World) -> None:
    found = sockets(mesh.processes[1].pid)
    outbound = {address for address in found if re.match(r"127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.", address)}
    with mesh.mesh() as client:
        [workload] = client.workloads()
    admin, inbound = workload.admin, mesh.inbound("default/reviews-0")
    others = found - outbound - {admin, inbound}
    assert admin in found and inbound in found
    assert len(outbound) == 1 and next(iter(outbound)).endswith(":80")
    # By Host, and the app's own port.
    assert len(others) == 2 and all(address.startswith("127.0.0.1:") for address in others)
    assert len([row for row in table("Ports") if row[1].startswith("proxy")]) == 4


def test_the_ports_are_the_codes() -> None:
    rows = [row[0].strip("`") for row in table("Ports")]
    defaults = Options(Path())
    grpc = Address.parse(defaults.grpc_address, "")
    wanted = [defaults.rest_address, defaults.grpc_address, f"{grpc.host}:{grpc.port + 1}"]
    assert rows[:3] == wanted
    assert sorted(PORTS.values()) == sorted(int(address.rpartition(":")[2]) for address in wanted)


def test_the_numbers_are_the_codes() -> None:
    for words in (
        f"for {SETTLE_S:g} s the controller hears",
        f"systemd waits {STOP_WORKLOAD_S} s",
        f"goes on {REVISIONS_LOST:,} later",
        f"at {MAX_BYTES >> 20} MiB to `log.1`",
    ):
        assert words in TEXT.replace("\n", " "), words
    assert controller_directory(None).name == "controller"
    drain = re.search(r"const DRAIN: Duration = Duration::from_secs\((\d+)\)", rust("supervise/mod.rs"))
    assert drain and f"up to {drain[1]} s for what is under way" in TEXT


def test_signals_that_go_to_the_app_are_the_supervisors() -> None:
    found = re.search(r"const SIGNALS: \[i32; \d\] = \[(.*?)\]", rust("supervise/run.rs"))
    assert found
    passed_on = [name for name in found[1].split(", ") if name not in ("SIGTERM", "SIGINT")]
    [row] = [row for row in table("Signals and exit status") if row[0].startswith("`weft run`")]
    assert row[3] == f"{' '.join(passed_on)} go to the app"


def test_every_variable_that_weft_reads_is_in_the_table() -> None:
    sources = [*(ROOT / "python/weft").rglob("*.py"), *(ROOT / "crates/proxy/src").rglob("*.rs")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    # What weft sets for an app stands in app.md.
    for_apps = {"WEFT_NAMESPACE", "WEFT_SERVICE", "WEFT_WORKLOAD", "WEFT_VERSION"}
    named = {row[0].strip("`") for row in table("Environment")}
    assert set(re.findall(r"\bWEFT_[A-Z_]+\b", text)) - for_apps - named == set()
    assert [name for name in named if f'"{name}"' not in text and name not in ("TMPDIR",)] == []


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_of_the_page_works(mesh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(commands()) > 4
    monkeypatch.chdir(mesh.folder)
    for line in commands():
        done = mesh.weft(*shlex.split(line)[1:])
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def rust(name: str) -> str:
    return (ROOT / "crates/proxy/src" / name).read_text(encoding="utf-8")
