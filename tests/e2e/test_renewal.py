"""Certificates that live for seconds, so that a test sees several lives of them."""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime

from tests.e2e.conftest import World, get, until

LIFE_S = 4


def ends(world: World) -> dict[str, float]:
    """When what each proxy serves now ends, as it says itself: Unix seconds by workload."""
    found = {}
    with world.mesh() as mesh:
        for workload in mesh.workloads():
            with urllib.request.urlopen(f"http://{workload.admin}/certs", timeout=15) as answer:
                found[workload.name] = datetime.fromisoformat(json.loads(answer.read())["not_after"]).timestamp()
    return found


def test_certificates_are_renewed_for_lives_on_end_and_no_call_notices(world: World) -> None:
    world.controller("--svid-ttl", f"{LIFE_S}s")
    world.apply(world.service("front"), world.service("reviews"))
    world.serve("reviews")
    world.serve("front")
    front = world.inbound("default/front-0")
    first = ends(world)
    assert first.keys() == {"default/front-0", "default/reviews-0"}
    answers: list[int] = []

    def lived_on() -> bool:
        answers.append(get(front, "/to/reviews/x").status)
        now = ends(world)
        return all(now[name] > first[name] + 3 * LIFE_S for name in first)

    until(lived_on, "certificates of the fourth life")
    assert set(answers) == {200}, answers
    # Not the connection of the first life: a new caller proves itself with what is in force now.
    seen = world.job(
        "import os, urllib.request as u; print(u.urlopen(os.environ['REVIEWS_URL']).status)", "--name", "j"
    )
    assert seen.stdout.strip().endswith("200"), seen.stderr
