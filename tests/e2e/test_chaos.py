"""Everything is killed while users go on: the controller, every proxy, every app, each in turn and without warning.

Promised and checked here: at least 20,000 GETs of which at least 99.9 % are good, no configuration lost that the
controller had acknowledged, nobody left behind. Counts only: how long anything takes is for bench/bars.py.

There are two replicas of everything on every path, of the edge too: what people's browsers connect to is two proxies
here, as behind any load balancer. The load does what such a balancer does and no more: a connection that fails before
an answer moves to the other edge, once; any answer counts as it is. Killed in turn means that the next one dies when
the last one's successor is ready and healthy as the controller sees it (`Chaos.settled`); that some callers still keep
it out as an outlier is nobody's excuse.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.chaos_mesh import HERE, Chaos, until
from weft.client.errors import WeftError
from weft.mesh import Mesh

RATE, REQUESTS, GOOD = 1_000, 20_000, 0.999
APPLY_EVERY_S = 0.5
# Without a sign of life for so long, the load has failed.
LOAD_S = 180.0


class Applies(threading.Thread):
    """A new Service every half second. `acknowledged`: those to which the controller said yes, with what they say."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.over = threading.Event()
        self.acknowledged: dict[str, str] = {}
        self.refused = 0

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            name, note = f"note-{number}", f"said-{number}"
            try:
                with Mesh.connect(self.address) as mesh:
                    mesh.apply(_service(name, note))
                self.acknowledged[name] = note
            except WeftError:
                self.refused += 1  # nobody promised anything
            self.over.wait(APPLY_EVERY_S)


def _service(name: str, note: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"note": note}}
    return {"apiVersion": "weft/v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}


@contextmanager
def running_mesh() -> Iterator[Chaos]:
    mesh = Chaos()
    try:
        mesh.start()
        yield mesh
    except BaseException:
        print(mesh.logs())
        raise
    finally:
        mesh.stop()
        mesh.remove()


def test_everything_dies_in_turn_and_users_do_not_notice() -> None:
    with running_mesh() as chaos:
        _run(chaos)


def _run(chaos: Chaos) -> None:
    applies = Applies(chaos.address)
    load = subprocess.Popen(
        [sys.executable, str(HERE / "chaos_load.py"), str(RATE), str(REQUESTS), *map(str, chaos.edges)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    applies.start()
    try:
        _kill_everything(chaos)
        applies.over.set()
        said, _ = load.communicate(timeout=LOAD_S)
    finally:
        applies.over.set()
        load.kill()
        load.wait()
    applies.join()
    report = json.loads(said)
    kept = _stored(chaos.address)
    missing = {name: note for name, note in applies.acknowledged.items() if kept.get(name) != note}
    # What is looked for afterwards can be found: a supervisor and a proxy for each replica, the apps, the controller.
    running = len(chaos.left_behind())
    left = chaos.stop()

    share = report["good"] / report["sent"]
    print(
        f"\nchaos: {len(chaos.killed)} killed; {report['sent']} requests in {report['seconds']} s,"
        f" {share:.3%} good, bad {report['bad']}, lost {report['lost']}, {report['moved']} moved to the other edge;"
        f" {len(applies.acknowledged)} applies acknowledged, {applies.refused} refused, {len(missing)} lost;"
        f" {len(left)} processes left"
    )
    if share < GOOD:
        print(chaos.logs())
    assert share >= GOOD
    assert report["sent"] >= REQUESTS
    assert applies.acknowledged and not missing
    assert running >= 2 * len(chaos.supervisors) + len(chaos.apps) + 1
    assert not left


def _kill_everything(chaos: Chaos) -> None:
    chaos.kill_controller()
    # A proxy comes back from its state directory while no controller lives (R10).
    chaos.kill_proxy("api-a")
    chaos.start_controller()
    until(chaos.settled, "a settled mesh")
    for name in [name for name in chaos.supervisors if name != "api-a"]:
        chaos.kill_proxy(name)
        until(chaos.settled, "a settled mesh")
    for name in chaos.apps:
        chaos.kill_app(name)
        until(chaos.settled, "a settled mesh")


def _stored(address: str) -> dict[str, str]:
    """Name to note, as `weft get` prints them."""
    command = [sys.executable, "-m", "weft.cli", "get", "service", "-o", "json", "--controller", address]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    items = listed if isinstance(listed, list) else listed.get("resources") or listed.get("items")
    documents = [item.get("document", item) for item in items]
    return {d["metadata"]["name"]: d["metadata"].get("labels", {}).get("note", "") for d in documents}
