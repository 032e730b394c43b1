"""What a proxy may tell."""

from __future__ import annotations

from tests.controller.conftest import World, service
from weft.controller.peers import Peer
from weft.controller.reporters import Reporters
from weft.identity.signer import Proof
from weft.identity.spiffe import SpiffeId
from weft.v1 import control_pb2


def peer(account: str) -> Peer:
    return Peer(Proof("svid", SpiffeId("td.test", "default", account), "1"))


async def test_only_its_own_workload_and_its_own_end_of_an_edge(world: World) -> None:
    await world.apply(service("a"), service("b"))
    proxy = await world.joined("default/a-0", "default/a")
    await proxy.attach()
    reporters = Reporters(world.controller.registry, world.controller.intent.services)
    for reporter, who, own in [
        ("default/a-0", peer("a"), True),
        ("default/a-0", peer("b"), False),
        ("default/b-0", peer("b"), True),
        ("shop/b-0", peer("b"), False),
        ("default/a-0", Peer(Proof("local")), True),
        ("default/b-0", Peer(Proof("anonymous")), False),
    ]:
        assert reporters.is_own(reporter, who) is own, (reporter, who)
    key = control_pb2.EdgeKey(side="source", source_workload="default/a-0", source_service="default/b")
    assert reporters.keep_own(key, "default/a-0", peer("a")) and key.source_service == ""
    key.source_service = "default/a"
    assert reporters.keep_own(key, "default/a-0", peer("a")) and key.source_service == "default/a"
    assert not reporters.keep_own(key, "default/b-0", peer("b"))
