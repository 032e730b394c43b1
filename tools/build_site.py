"""Builds the site of docs/ into build/site: `make site`. A warning is an error; nothing is fetched from anywhere.

Before that the pictures of the dashboard, from examples/first, which runs for it in a directory of its own and is
stopped again. Without a browser or a dashboard there are none, the site says so in words, and this says why.

    tools/build_site.py                 pictures, then the site
    tools/build_site.py --no-pictures   the site, with the pictures that are there
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# As a script: what stands beside `tools`.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.first.demo import Broken, Running, free_port, send
from tools import screenshots

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "site"
START_S = 90.0
# So long is there traffic before the pictures: the graph shows the last minute, and golden signals want some of it.
TRAFFIC_S = 20.0


def pictures() -> None:
    """Makes docs/images; raises Broken, with a reason, where that cannot be."""
    if screenshots.browser() is None:
        raise Broken("no browser (apt-get install chromium)")
    if not (ROOT / "python/weft/controller/dashboard/index.html").exists():
        raise Broken("the dashboard is not built (make build, with node)")
    with tempfile.TemporaryDirectory(prefix="weft-site-") as state:
        os.environ["TMPDIR"] = state
        web, rest, grpc = free_port(21080, 21080), free_port(21180, 21180), free_port(21280, 21280, neighbours=2)
        running = Running(web, rest, grpc)
        try:
            running.wait_for("all ready", START_S)
            ended, over = time.monotonic() + TRAFFIC_S, threading.Event()
            while time.monotonic() < ended:
                send(web)
                over.wait(1.0)
            if screenshots.main([f"http://127.0.0.1:{rest}"]):
                raise Broken("the pictures could not be made")
        finally:
            running.stop()


def site(folder: Path = SITE) -> int:
    """mkdocs' exit status; what it says goes to stderr."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    # The theme's makers announce their plans here, which is no warning about a page.
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=False).returncode


def main(arguments: list[str]) -> int:
    if "--no-pictures" not in arguments:
        try:
            pictures()
        except Broken as broken:
            print(f"note: the site has no pictures of the dashboard: {broken}", file=sys.stderr)
    if status := site():
        return status
    print(f"{SITE.relative_to(ROOT)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
