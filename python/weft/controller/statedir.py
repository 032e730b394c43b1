"""The state directory: ours alone, and one controller at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from weft.identity.files import private_directory, read_private, write_private


class StateDirError(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


# Holds what is being put in place, while only a part of it may be there: see `weft.backup.restore`.
RESTORING = "restoring"


def lock(path: Path) -> int:
    """A descriptor that holds the state directory for this process until it is closed."""
    descriptor = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StateDirError(
            f"another controller runs in {path}", "stop it, or give this one a --state-dir of its own"
        ) from error
    return descriptor


class StateDir:
    """`<path>/{store.db, ca/, discovered.json, controller.sock, rest.token, lock}`."""

    def __init__(self, path: Path) -> None:
        self.path = private_directory(path.absolute())
        self._lock = lock(self.path)
        if (self.path / RESTORING).exists():
            os.close(self._lock)
            raise StateDirError(
                f"a restore was interrupted in {self.path}: what is there may be of two meshes",
                "run `weft restore FILE --force` again",
            )

    @property
    def store(self) -> Path:
        return self.path / "store.db"

    @property
    def discovered(self) -> Path:
        return self.path / "discovered.json"

    @property
    def ca(self) -> Path:
        return self.path / "ca"

    @property
    def socket(self) -> Path:
        return self.path / "controller.sock"

    def rest_token(self) -> str:
        """The bearer token of REST; made at the first start."""
        path = self.path / "rest.token"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32).encode() + b"\n")
        return read_private(path).decode().strip()

    def close(self) -> None:
        self.socket.unlink(missing_ok=True)
        os.close(self._lock)
