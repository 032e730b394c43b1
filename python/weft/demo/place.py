"""The shop's own copy: in a folder that goes with the demo, so that whoever tries things changes no file of weft."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.client.errors import WeftError

HERE = Path(__file__).resolve().parent
# In a wheel; in a checkout they stand where people look for examples.
PACKAGED, CHECKOUT = HERE / "bookshop", HERE.parents[2] / "examples" / "bookshop"
WEFTFILE = "weft.yaml"
TWIN = "python3 recommendations.py"


def sources() -> Path:
    """Where the bookshop's files are."""
    for folder in (PACKAGED, CHECKOUT):
        if (folder / WEFTFILE).is_file():
            return folder
    raise WeftError("the bookshop is not part of this installation", "install the wheel, or run it from a checkout")


@contextmanager
def copied(port: int, node: bool) -> Iterator[Path]:
    """A folder with the bookshop, which is at `port` of 127.0.0.1; without `node` its twin in Python takes part."""
    # Short: it is typed.
    folder = Path(tempfile.mkdtemp(prefix="weft-shop-"))
    try:
        try:
            shutil.copytree(sources(), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        except shutil.Error as error:  # of each file, what it was and why
            why = error.args[0][0][2]
            raise WeftError(f"cannot copy the bookshop: {why}", "make room, or name another place in TMPDIR") from error
        variables = {"SHOP_PORT": str(port), **({} if node else {"RECOMMENDATIONS": f'"{TWIN}"'})}
        # Beside the file, so that a second `weft up` in another shell means the same.
        text = "".join(f"{name}={value}\n" for name, value in variables.items())
        (folder / ".env").write_text(text, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_node() -> bool:
    """Whether there is one that knows its modules by the names that the shop uses (16)."""
    if shutil.which("node") is None:
        return False
    asked = subprocess.run(["node", "-e", "require('node:http')"], stdin=subprocess.DEVNULL, capture_output=True)
    return asked.returncode == 0


def own_python_first() -> None:
    """`python3` of the shop is the one that runs weft: whatever else is on PATH may be older."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
