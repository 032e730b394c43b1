"""What weft has left on this machine: found by looking, never by a list of what was once made."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from weft.identity.machines import PREFIX
from weft.run.member import TOKEN
from weft.run.project import Run
from weft.run.state import PRIVATE_DIRECTORY
from weft.run.sys_cgroups import left_over
from weft.run.sys_locks import held, holder
from weft.run.sys_unit import MARK

Kind: TypeAlias = Literal["unit", "up", "workload", "joined", "controller", "state", "cgroup", "temporary"]

UNITS = Path("/etc/systemd/system")
# Where systemd keeps the state of units, and that of users that exist only while a unit runs.
UNIT_STATE = (Path("/var/lib"), Path("/var/lib/private"))
# What a controller keeps in its directory, and a machine that has joined: --state-dir may have named one with other
# things in it.
KEPT: Mapping[str, re.Pattern[str]] = {
    "controller": re.compile(
        r"store\.db.*|discovered\.json|ca|rest\.token|lock|controller\.sock|ready|restoring(\.partial)?"
        r"|before-restore-\w+"
    ),
    "joined": re.compile(r"token(\.new)?|tokens"),
}
# What weft makes in its state directory.
FOLDERS = ("workloads", "up", "controller", "mesh", "joined")
# `tempfile.mkdtemp` below the temporary directory, of a process that could not tidy up; and what is in such a folder.
# Others have names of this form, too: "weft-projects".
TEMPORARY = {
    re.compile(r"weft-[a-z0-9_]{8}"): {"controller", "workloads", "up.sock"},
    re.compile(r"weft-restore-[a-z0-9_]{8}"): {"store.db", "rest.token", "ca"},
}


@dataclass(frozen=True, slots=True)
class Found:
    kind: Kind
    path: Path
    # A process that has it.
    pid: int | None = None
    in_use: bool = False


def find(root: Path, units: Path = UNITS, unit_state: Sequence[Path] = UNIT_STATE) -> list[Found]:
    """In the order in which it is stopped and removed: what uses something goes before what is used."""
    installed = sorted(_units(units))
    places = [root, *_states(installed, unit_state)]
    found = [Found("unit", path) for path in installed]
    for kind in ("up", "workload", "joined", "controller"):
        for place in places:
            found += [each for each in _within(place) if each.kind == kind]
    found += [Found("cgroup", path) for path in left_over()]
    found += [_locked("temporary", path) for path in _temporary()]
    return found + [Found("state", place) for place in places if place.is_dir()]


def remove(found: Iterable[Found]) -> list[str]:
    """What could not be removed, and why."""
    problems: list[str] = []
    for each in found:
        try:
            _remove(each)
        except OSError as error:
            problems.append(f"{each.path}: {(error.strerror or str(error)).lower()}")
    return problems


def _units(directory: Path) -> Iterator[Path]:
    for path in directory.glob("weft-*.service"):
        try:
            if path.read_text(encoding="utf-8").startswith(MARK):
                yield path
        except OSError:
            continue  # not ours to read, so not ours


def _states(units: Iterable[Path], roots: Sequence[Path]) -> Iterator[Path]:
    for unit in units:
        for name in re.findall(r"^StateDirectory=(\S+)$", unit.read_text(encoding="utf-8"), re.MULTILINE):
            # "weft/controller": what is named is the unit's, what is above it belongs to `root`.
            yield from (place for place in (root / name for root in roots) if place.is_dir() and not place.is_symlink())


def _within(place: Path) -> Iterator[Found]:
    """A mesh of several machines has a folder of its own. Nothing is looked for outside of the folders that we make."""
    roots = [place, *sorted(place.glob("mesh/*")), *sorted(place.glob("joined/*"))]
    for directory in (found for root in roots for found in sorted(root.glob("workloads/*/*"))):
        yield _locked("workload", directory)
    for directory in sorted(place.glob("up/*")):
        run = _run(directory)
        yield Found("up", directory, run.pid if run else None, run is not None)
    yield from (Found("joined", root) for root in roots if _has_joined(root))
    for directory in (found for root in roots for found in (root / "controller", root)):
        has = [(directory / name).exists() for name in ("store.db", "ca/root.key")]
        # A directory that somebody has named may hold another's store.db.
        if all(has) or (any(has) and directory != place):
            yield _locked("controller", directory)


def _has_joined(directory: Path) -> bool:
    """By its text: a directory that somebody has named may hold another's token."""
    try:
        with (directory / TOKEN).open("rb") as file:
            return file.read(len(PREFIX)) == PREFIX.encode()
    except OSError:
        return False


def _run(directory: Path) -> Run | None:
    import json

    try:
        found = Run(**json.loads((directory / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.alive else None


def _locked(kind: Kind, directory: Path) -> Found:
    locks = [lock for lock in directory.rglob("lock") if held(lock)]
    return Found(kind, directory, holder(locks[0]) if locks else None, bool(locks))


def _temporary() -> Iterator[Path]:
    for path in sorted(Path(tempfile.gettempdir()).glob("weft-*")):
        names = next((names for form, names in TEMPORARY.items() if form.fullmatch(path.name)), None)
        if names is not None and _is_made_here(path.lstat()) and names.issuperset(os.listdir(path)):
            yield path


def _is_made_here(found: os.stat_result) -> bool:
    """A folder, and no link to one, that was made for us and nobody else."""
    return found.st_mode == stat.S_IFDIR | PRIVATE_DIRECTORY and found.st_uid == os.geteuid()


def _remove(found: Found) -> None:
    path = found.path
    if found.kind == "unit":
        for link in path.parent.glob(f"*.wants/{path.name}"):
            link.unlink()
        shutil.rmtree(path.with_name(f"{path.name}.d"), ignore_errors=True)
        path.unlink()
    elif found.kind == "cgroup":
        path.rmdir()
    elif found.kind in KEPT:
        for entry in path.iterdir():
            if KEPT[found.kind].fullmatch(entry.name):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    elif found.kind == "state":
        _remove_empty(path)
    else:
        shutil.rmtree(path)


def _remove_empty(path: Path) -> None:
    """Folders of ours that have become empty; what somebody else has put there stays, and so does its folder."""
    ours = [folder for name in FOLDERS for folder in sorted((path / name).glob("**/"), reverse=True)]
    for folder in (*ours, path):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
