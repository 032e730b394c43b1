"""Builds the site of docs/ into build/site: `make site`. A warning is an error; nothing is fetched from anywhere.

Before that the pictures of the dashboard, from `weft demo`, which runs for it in a directory of its own and is stopped
again. Without a browser or a dashboard there are none, the site says so in words, and this says why.

    tools/build_site.py                 pictures, then the site
    tools/build_site.py --no-pictures   the site, with the pictures that are there
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# As a script: what stands beside `tools`.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import screenshots
from weft.mesh import Mesh, MeshError
from weft.run.freeport import free_port

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "site"
START_S, STOP_S, LOOK_EVERY_S = 120.0, 60.0, 0.2
# So long are people in the shop before the pictures: golden signals begin with the second full minute.
PEOPLE_S = 150.0


class Broken(Exception):
    """There can be no pictures, for this reason."""


def pictures() -> None:
    """Makes docs/images; raises Broken, with a reason, where that cannot be."""
    if screenshots.browser() is None:
        raise Broken("no browser (apt-get install chromium)")
    if not (ROOT / "python/weft/controller/dashboard/index.html").exists():
        raise Broken("the dashboard is not built (make build, with node)")
    with tempfile.TemporaryDirectory(prefix="weft-site-") as state:
        rest, grpc = f"127.0.0.1:{free_port(21180)}", f"127.0.0.1:{free_port(21280, 2)}"
        options = ["--port", str(free_port(21080)), "--rest-address", rest, "--grpc-address", grpc]
        demo = subprocess.Popen(
            [sys.executable, "-m", "weft.cli", "demo", *options],
            env={**os.environ, "TMPDIR": state},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_for_trouble(demo, f"http://{rest}")
            threading.Event().wait(PEOPLE_S)
            if screenshots.main([f"http://{rest}"]):
                raise Broken("the pictures could not be made")
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(STOP_S)


def _wait_for_trouble(demo: subprocess.Popen[bytes], controller: str) -> None:
    """Until the flaky replica was ejected: then all of the shop has begun."""
    deadline, pause = time.monotonic() + START_S, threading.Event()
    while time.monotonic() < deadline:
        if demo.poll() is not None:
            raise Broken(f"weft demo ended with status {demo.returncode}")
        try:
            with Mesh.connect(controller) as mesh:
                if mesh.events(kind="ejected"):
                    return
        except MeshError:
            pass  # It does not listen yet.
        pause.wait(LOOK_EVERY_S)
    raise Broken(f"no replica was ejected within {START_S:.0f} s")


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
