"""Builds the dashboard (`web/`, TypeScript) into the package, where the controller serves it from.

    tools/build_dashboard.py            as far as this machine can: without node it says what is missing, and goes on
    tools/build_dashboard.py --require  fails where no page can be had: for what is published

Nothing is built when the page there was made from the sources here: `sources` beside the page holds their hash. Time
stamps would not do, as a checkout and an unpacked sdist make new ones. An sdist holds the page, so node is only needed
in a checkout.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What vite and TypeScript run on, and what Debian 12 has.
NODE = "node 18 or later with npm"
# A first `npm ci` on a slow line.
TIMEOUT_S = 600


class NotBuilt(Exception):
    """There is no page of these sources, and none can be made here."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def build(root: Path = ROOT) -> None:
    """The page of these sources is in the package, or `NotBuilt` is raised."""
    web, page = root / "web", page_of(root)
    wanted = sources_hash(web)
    if built_from(page) == wanted:
        # `make` compares times.
        (page / "sources").touch()
        return
    npm = shutil.which("npm") if shutil.which("node") else None
    if npm is None:
        state = "is older than its sources" if (page / "index.html").exists() else "is not built"
        raise NotBuilt(f"the dashboard {state}, and there is no node", f"install {NODE}, and build again")
    # Scripts of dependencies are not run: none is needed, and each would be somebody else's code at build time.
    _run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=web)
    _run(npm, "run", "build", cwd=web)
    (page / "sources").write_text(wanted + "\n", encoding="ascii")
    print(f"dashboard: built into {page.relative_to(root)}")


def page_of(root: Path) -> Path:
    return root / "python" / "weft" / "controller" / "dashboard"


def built_from(page: Path) -> str:
    """The hash of the sources of the page that is there; empty: there is none."""
    stamp = page / "sources"
    return stamp.read_text(encoding="ascii").strip() if stamp.exists() and (page / "index.html").exists() else ""


def sources_hash(web: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in web.rglob("*") if path.is_file() and not is_made(path.relative_to(web))):
        found.update(f"{path.relative_to(web).as_posix()}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def is_made(path: Path) -> bool:
    return path.parts[0] == "node_modules"


def _run(*command: str, cwd: Path) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise NotBuilt(f"{' '.join(command[1:])} took longer than {TIMEOUT_S} s", "try again with a network") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[:30])
        raise NotBuilt(f"npm {' '.join(command[1:])} failed in web/:\n{said}", f"it needs {NODE}, and a network once")


def main(arguments: list[str]) -> int:
    require = "--require" in arguments
    try:
        build()
    except NotBuilt as error:
        word = "error" if require else "warning"
        rest = "" if require else "\nuntil then the controller serves a page that says so; everything else works"
        print(f"{word}: {error}\n\nhint: {error.hint}{rest}", file=sys.stderr)
        return 1 if require else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
