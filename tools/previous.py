"""The previous minor version of weft, built from this repository's own history: what tests of upgrades run beside this
one.

It is built once, into `target/previous/<commit>`, with the interpreter and the compiled dependencies of this checkout;
`$WEFT_PREVIOUS` names a build that is there already. `python tools/previous.py` prints where it is.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The last commit of the minor version before this one; moves when this one is released.
VERSION = "0.1.0"
COMMIT = "e97d285730f99aebbe70a73c2051456c097e9d1a"
# What a build leaves that no archive has.
MADE = ("python/weft/_core.abi3.so", "python/weft/bin/weft-proxy", "python/weft/v1/program_pb2.py")
# Two minutes on two cores when the dependencies are compiled already.
BUILD_S = 1800


class Unavailable(Exception):
    """There is no previous version here, and why."""


@dataclass(frozen=True, slots=True)
class Build:
    """A version that can be run: `python -m weft.cli` with `environment()`."""

    folder: Path

    @property
    def python_path(self) -> Path:
        return self.folder / "python"

    @property
    def proxy(self) -> Path:
        return self.python_path / "weft/bin/weft-proxy"

    @property
    def version(self) -> str:
        return version_of((self.python_path / "weft/__init__.py").read_text(encoding="utf-8"))

    def environment(self) -> dict[str, str]:
        """This process's, so that `weft` is that version. No variable may name another proxy."""
        kept = {name: value for name, value in os.environ.items() if name != "WEFT_PROXY"}
        # -P keeps the working directory, where this version may lie, from coming first.
        return {**kept, "PYTHONPATH": str(self.python_path), "PYTHONSAFEPATH": "1"}


def this(root: Path = ROOT) -> Build:
    return Build(root)


def previous(root: Path = ROOT) -> Build:
    """The build of `COMMIT`, made when it is not there; `Unavailable` where it cannot be."""
    if given := os.environ.get("WEFT_PREVIOUS"):
        return _whole(Path(given))
    target = root / "target" / "previous"
    found = Build(target / COMMIT[:12])
    if not _is_whole(found):
        require_history(root)
        target.mkdir(parents=True, exist_ok=True)
        # Tests run in several processes: one builds, the others wait for it.
        with (target / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_whole(found):
                make(root, found.folder)
    return _whole(found.folder)


def require_history(root: Path) -> None:
    command = ["git", "cat-file", "-e", f"{COMMIT}^{{commit}}"]
    asked = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if asked.returncode:
        raise Unavailable(f"weft {VERSION} is built from commit {COMMIT[:12]}, which is not in the history of {root}")


def make(root: Path, folder: Path) -> None:
    """Extract, generate, compile; what is half made has another name."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    archive = _run(["git", "archive", "--format=tar", COMMIT], root)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(partial, filter="data")
    # Dependencies that this checkout has compiled are not compiled again.
    env = {**os.environ, "CARGO_TARGET_DIR": str(root / "target"), "PYO3_PYTHON": sys.executable}
    env.pop("PYTHONPATH", None)
    _run([sys.executable, "tools/generate_proto.py"], partial, env)
    _run([sys.executable, "setup.py", "--quiet", "build_rust", "--inplace", "--release"], partial, env)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def version_of(text: str) -> str:
    """Of the text of `weft/__init__.py`."""
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise Unavailable("python/weft/__init__.py has no __version__")
    return found[1]


def _is_whole(build: Build) -> bool:
    return all((build.folder / name).exists() for name in MADE)


def _whole(folder: Path) -> Build:
    build = Build(folder)
    if not _is_whole(build):
        missing = [name for name in MADE if not (folder / name).exists()]
        raise Unavailable(f"{folder} is no build of weft: it lacks {', '.join(missing)}")
    return build


def _run(command: list[str], folder: Path, env: dict[str, str] | None = None) -> bytes:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=BUILD_S, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace")
        raise RuntimeError(f"{' '.join(command)} in {folder} ended with {done.returncode}:\n{said[-4000:]}")
    return done.stdout


def main() -> int:
    try:
        print(previous().folder)
    except Unavailable as error:
        print(f"error: {error}\n\nhint: fetch the whole history (git fetch --unshallow)", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
