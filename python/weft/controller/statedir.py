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


class StateDir:
    """`<path>/{store.db, ca/, controller.sock, rest.token, lock}`."""

    def __init__(self, path: Path) -> None:
        self.path = private_directory(path.absolute())
        self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StateDirError(
                f"another controller runs in {self.path}", "stop it, or give this one a --state-dir of its own"
            ) from error

    @property
    def store(self) -> Path:
        return self.path / "store.db"

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
