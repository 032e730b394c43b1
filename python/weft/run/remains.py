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

Kind: TypeAlias = Literal["unit", "up", "workload", "machine", "controller", "state", "cgroup", "temporary"]

UNITS = Path("/etc/systemd/system")
# Where systemd keeps the state of units, and that of users that exist only while a unit runs.
UNIT_STATE = (Path("/var/lib"), Path("/var/lib/private"))
# What weft writes into a directory of each kind, with the drafts of it and what was set aside. Nothing else goes:
# whoever names a state directory may have named one with other things in it, such as their home.
OURS: Mapping[Kind, re.Pattern[str]] = {
    "workload": re.compile(r"\.?(launch\.json|lock|program|identity)(\..+)?"),
    "up": re.compile(r"\.?(run\.json|log)(\.\d+)?"),
    "machine": re.compile(r"\.?token(\.new)?(\.\d+)?|tokens|up\.sock"),
    "controller": re.compile(
        r"store\.db.*|ca|rest\.token(\.partial)?|discovered\.json(\.partial)?|lock|controller\.sock|ready"
        r"|restoring(\.partial)?|before-restore-\w+"
    ),
}
# `Project.of`: a folder's name and a digest.
PROJECT = re.compile(r".+-[0-9a-f]{8}")
# The folders that weft makes in its state directory, the innermost first.
FOLDERS = tuple(
    f"{mesh}{name}"
    for mesh in ("mesh/*/", "joined/*/", "")
    for name in ("workloads/*", "workloads", "controller", "up", "mesh/*", "mesh", "joined/*", "joined")
    if not mesh or name in ("workloads/*", "workloads", "controller")
)
TOP = re.compile("workloads|up|controller|mesh|joined|up\\.sock")
# `tempfile.mkdtemp` below the temporary directory, of a process that could not tidy up.
TEMPORARY = re.compile(r"weft-(?P<restore>restore-)?[a-z0-9_]{8}")


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
    for kind in ("up", "workload", "machine", "controller"):
        for place in places:
            found += [each for each in _within(place) if each.kind == kind]
    found += [Found("cgroup", path) for path in left_over()]
    found += [_locked("temporary", path) for path in _temporary()]
    return found + [Found("state", place) for place in places if place.is_dir() and _all_ours(place)]


def _all_ours(place: Path) -> bool:
    """What is somebody else's stays, and so does its folder; nobody is asked about that one."""
    return all(TOP.fullmatch(entry.name) or OURS["controller"].fullmatch(entry.name) for entry in place.iterdir())


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
    meshes = [*_real(place, "mesh/*"), *_real(place, "joined/*")]
    roots = [place, *meshes]
    for directory in (found for root in roots for found in _real(root, "workloads/*/*")):
        if _known("workload", directory) or any((directory / name).exists() for name in ("launch.json", "identity")):
            yield _locked("workload", directory)
    for directory in _real(place, "up/*"):
        run = _run(directory)
        if PROJECT.fullmatch(directory.name) and (run or _known("up", directory)):
            yield Found("up", directory, run.pid if run else None, run is not None)
    # A directory that somebody has named may hold another's token.
    if _has_joined(place):
        yield Found("machine", place)
    for directory in meshes:
        if any(OURS["machine"].fullmatch(entry.name) for entry in directory.iterdir()):
            yield Found("machine", directory)
    for directory in (found for root in roots for found in (root / "controller", root)):
        has = [(directory / name).exists() for name in ("store.db", "ca/root.key")]
        # A directory that somebody has named may hold another's store.db.
        if all(has) or (any(has) and directory != place):
            yield _locked("controller", directory)


def _has_joined(directory: Path) -> bool:
    try:
        with (directory / TOKEN).open("rb") as file:
            return file.read(len(PREFIX)) == PREFIX.encode()
    except OSError:
        return False


def _real(place: Path, pattern: str) -> Iterator[Path]:
    """Directories of this pattern that no link leads to: we make none."""
    for path in sorted(place.glob(pattern)):
        inner = [each for each in (path, *path.parents) if place in each.parents]
        if path.is_dir() and not any(each.is_symlink() for each in inner):
            yield path


def _known(kind: Kind, directory: Path) -> bool:
    return all(OURS[kind].fullmatch(entry.name) for entry in directory.iterdir())


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
        match = TEMPORARY.fullmatch(path.name)
        if match is None or not _is_made_here(path.lstat()):
            continue
        # A backup was unpacked there; else it is the state directory of a `weft up`. "weft-examples" is neither.
        if match["restore"] or _all_ours(path):
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
    elif found.kind == "state":
        for folder in (*(folder for pattern in FOLDERS for folder in _real(path, pattern)), path):
            _remove_empty(folder)
    elif found.kind == "temporary":
        shutil.rmtree(path)
    else:
        for entry in path.iterdir():
            if OURS[found.kind].fullmatch(entry.name):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        _remove_empty(path)


def _remove_empty(folder: Path) -> None:
    """What somebody else has put there stays, and so does its folder."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
