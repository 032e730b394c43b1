import pytest

from weft.client.types import Rejection, Sync, Workload
from weft.run.readiness import waiting
from weft.run.spec import Spec

SYNCED = Sync(connected=True, subscriptions=3, current=3)
SERVER, CLIENT = Spec("web-0", service="default/web", ports={80: 0}), Spec("batch-0")


def seen(spec: Spec, **more: object) -> Workload:
    given = {"lease": "attached", "health": "healthy", "sync": SYNCED, **more}
    return Workload(spec.key, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "workload", "reason"),
    [
        (SERVER, seen(SERVER), ""),
        (CLIENT, seen(CLIENT, health="unknown"), ""),
        (SERVER, None, "has not registered"),
        (SERVER, seen(SERVER, lease="lost"), "has not registered"),
        (SERVER, seen(SERVER, problems=("no such service default/web",)), "no such service default/web"),
        (SERVER, seen(SERVER, sync=Sync(connected=True, pending=("a:80",))), "waits for its configuration"),
        (SERVER, seen(SERVER, sync=Sync()), "waits for its configuration"),
        (
            SERVER,
            seen(SERVER, sync=Sync(True, rejected=(Rejection("Inbound", "default/web-0", "1", "lacks x"),))),
            "its proxy refused default/web-0: lacks x",
        ),
        (SERVER, seen(SERVER, health="unhealthy", health_reason="refused"), "is unhealthy: refused"),
        (SERVER, seen(SERVER, health="unknown"), "is unknown"),
    ],
)
def test_what_a_workload_waits_for(spec: Spec, workload: Workload | None, reason: str) -> None:
    found = waiting([spec], [workload] if workload else [])
    assert found == ({spec.key: reason} if reason else {})
