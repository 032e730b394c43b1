"""Where a workload's files lie, who may read them, and that only one process uses them."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.client.errors import WeftError

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
ELSEWHERE = "make room or put it right there, or name another place with --state-dir"


class AlreadyRunning(WeftError):
    """Another process has this workload."""


def state_root(given: Path | None = None) -> Path:
    """`given`, else $WEFT_STATE_DIR, else /var/lib/weft for root, else ~/.local/state/weft."""
    if given is not None:
        return given.absolute()
    if named := os.environ.get("WEFT_STATE_DIR"):
        return Path(named).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/weft")
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else _home() / ".local" / "state") / "weft"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:  # in a container, of a user whom nobody has written down
        what = f"user {os.geteuid()} has no home, where state would be kept"
        raise WeftError(what, "set HOME, or name a place in WEFT_STATE_DIR") from error


def make_private(directory: Path) -> None:
    """Makes what is not there yet, each folder of the path closed to others (mkdir closes the last one alone)."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)


def workload_path(root: Path, namespace: str, name: str) -> Path:
    return root / "workloads" / namespace / name


def workload_directory(root: Path, namespace: str, name: str) -> Path:
    """Made when it is not there, closed to others. Who owns it could put a key of their own into it: refused."""
    directory = workload_path(root, namespace, name)
    with _said_of(directory):
        make_private(directory)
        owner = directory.stat().st_uid
        if owner != os.geteuid():
            raise WeftError(f"{directory} belongs to user {owner}, not to {os.geteuid()}", ELSEWHERE)
        directory.chmod(PRIVATE_DIRECTORY)
    return directory


def write_private(path: Path, text: str) -> None:
    """All or nothing, and never readable by others, not even for a moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with _said_of(path):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """A full disk, or something else in this place, is no defect of ours."""
    try:
        yield
    except OSError as error:
        raise WeftError(f"cannot use {path}: {(error.strerror or str(error)).lower()}", ELSEWHERE) from error


def claim(directory: Path) -> int:
    """Locks a workload's directory for this process and what it becomes: the descriptor survives exec.

    The lock ends with the last process that holds it, so a crash leaves nothing to clean up.
    """
    with _said_of(directory / "lock"):
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise AlreadyRunning(
            f"{directory.parent.name}/{directory.name} is already running on this machine",
            "give this one another name with --name",
        ) from error
    os.set_inheritable(descriptor, True)
    return descriptor


@contextmanager
def run_directory(given: Path | None) -> Iterator[Path]:
    """`given`, which stays, or one that goes. Its name is short: a unix socket's path has 104 bytes on macOS."""
    if given is not None:
        make_private(given)
        yield given.absolute()
        return
    path = Path(tempfile.mkdtemp(prefix="weft-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
