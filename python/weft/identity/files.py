"""Files that only their owner may read. A key that somebody else could have read is refused, not used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from weft.identity.errors import IdentityError


def private_directory(path: Path) -> Path:
    """Make it with mode 0700, or check that it is ours alone."""
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        _check(path, "directory", "700")
    return path


def read_private(path: Path) -> bytes:
    _check(path, "file", "600")
    return path.read_bytes()


def write_private(path: Path, content: bytes) -> None:
    """The whole content durably, or nothing: written beside its name, then renamed."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def _check(path: Path, what: str, mode: str) -> None:
    found = path.stat()
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise IdentityError("internal", f"others may read the {what} {path}", f"chmod {mode} {path}")
    if found.st_uid != os.geteuid():
        raise IdentityError(
            "internal", f"the {what} {path} belongs to user {found.st_uid}, not {os.geteuid()}", "run as that user"
        )
