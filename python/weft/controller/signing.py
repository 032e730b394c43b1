"""gRPC `Identity`: from a certificate request and a proof to an SVID."""

from __future__ import annotations

import logging

import grpc

from weft.controller.peers import identify
from weft.identity.errors import IdentityError
from weft.identity.signer import Ask, Signed, Signer
from weft.observe.events import MAX_SUBJECT, EventRing
from weft.printable import in_line
from weft.store.errors import StoreError
from weft.store.store import Store
from weft.v1 import control_pb2, control_pb2_grpc

log = logging.getLogger("weft.controller.signing")

CODES = {
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "denied": grpc.StatusCode.PERMISSION_DENIED,
    "precondition": grpc.StatusCode.FAILED_PRECONDITION,
    "internal": grpc.StatusCode.INTERNAL,
}


class IdentityService(control_pb2_grpc.IdentityServicer):
    """Errors arrive as the status' text: the message, and "hint: …" on a line of its own."""

    def __init__(self, signer: Signer, store: Store, events: EventRing) -> None:
        self._signer, self._store, self._events = signer, store, events

    async def Sign(
        self, request: control_pb2.SignRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> control_pb2.SignResponse:
        ask = Ask(
            request.csr,
            request.namespace,
            request.service_account,
            request.workload,
            request.token,
            float(request.unix_seconds),
        )
        # As a stranger says; no text of theirs becomes a line of the log.
        who = in_line(f"{ask.namespace}/{ask.workload or ask.service_account}"[:MAX_SUBJECT])
        try:
            peer = await identify(context, self._store, self._signer.authority.trust_domain)
            signed = await self._signer.sign(ask, peer.proof)
        except IdentityError as error:
            log.warning("no certificate for %s: %s", who, error)
            self._events.add("certificate-refused", who, str(error), "warning")
            await context.abort(CODES[error.reason], f"{error}\nhint: {error.hint}")
        except StoreError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"{error}\nhint: {error.hint}")
        return self._answer(signed, who)

    def _answer(self, signed: Signed, who: str) -> control_pb2.SignResponse:
        if signed.warning:
            log.warning("%s", signed.warning)
            self._events.add("clock", who, signed.warning, "warning")
        return control_pb2.SignResponse(
            chain=signed.chain,
            roots=signed.roots,
            spiffe_id=signed.spiffe_id,
            not_after=int(signed.not_after),
            trust_domain=signed.trust_domain,
            unix_seconds=int(self._signer.now()),
            warning=signed.warning,
        )
