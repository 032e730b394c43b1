"""Where the data plane's binary is: inside the package, put there by the build."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from weft.client.errors import WeftError

PACKAGED = Path(__file__).resolve().parent.parent / "bin" / "weft-proxy"


class ProxyMissing(WeftError):
    """There is no weft-proxy to run."""


def proxy_path() -> Path:
    """$WEFT_PROXY (a build under test), else the binary of this package."""
    named = os.environ.get("WEFT_PROXY")
    path = Path(named) if named else PACKAGED
    if not os.access(path, os.X_OK):
        raise ProxyMissing(
            f"no weft-proxy at {path}",
            "the package was installed without its binary: run `pip install --force-reinstall weft` or `make build`",
        )
    return path


def execute(*arguments: str) -> NoReturn:
    """Becomes `weft-proxy ARGUMENTS`: same process, nothing of Python left."""
    path = proxy_path()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(path, [str(path), *arguments])


def main() -> int:
    """The `weft-proxy` command."""
    try:
        execute(*sys.argv[1:])
    except ProxyMissing as error:
        print(f"error: {error.message}\n\nhint: {error.hint}", file=sys.stderr)
        return 1
