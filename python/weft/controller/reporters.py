"""What a proxy may tell: of its own workload, as a service that it serves. People trust what they are shown."""

from __future__ import annotations

from collections.abc import Mapping

from weft.controller.peers import Peer
from weft.controller.registry import Registry
from weft.resources.service import Service
from weft.v1 import control_pb2


class Reporters:
    def __init__(self, registry: Registry, services: Mapping[str, Service]) -> None:
        self._registry, self._services = registry, services

    def is_own(self, reporter: str, peer: Peer) -> bool:
        """By the lease, which has the account; before the workload is attached, by what its SVID was given for."""
        namespace, _, _ = reporter.partition("/")
        lease = self._registry.leases.all.get(reporter)
        if lease is not None:
            return peer.may_be(namespace, lease.latest.service_account, reporter)
        held = peer.proof.identity
        return peer.local or (held is not None and peer.may_be(namespace, held.service_account, reporter))

    def keep_own(self, key: control_pb2.EdgeKey, reporter: str, peer: Peer) -> bool:
        """Whether its own end of an edge is the reporter; a service there that others serve is taken away."""
        ends = {"source": key.source_workload, "destination": key.destination_workload}
        if ends.get(key.side) != reporter:
            return False
        account = self._account(reporter, peer)
        name = key.source_service if key.side == "source" else key.destination_service
        service = self._services.get(name)
        if service is not None and account is not None and account not in service.accounts:
            key.ClearField("source_service" if key.side == "source" else "destination_service")
        return True

    def _account(self, reporter: str, peer: Peer) -> str | None:
        """None: of this machine and not attached yet, which may be anybody."""
        lease = self._registry.leases.all.get(reporter)
        if lease is not None:
            return lease.latest.service_account
        return peer.proof.identity.service_account if peer.proof.identity else None
