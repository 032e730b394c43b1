"""REST: join tokens and certificates."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from cryptography import x509
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from weft.controller.rest_json import ApiError, Body, body_of
from weft.identity.authority import pem
from weft.identity.machines import Grant, mint_machine
from weft.identity.spiffe import SpiffeId
from weft.identity.tokens import DEFAULT_TTL_S, Order, Place, mint

if TYPE_CHECKING:
    from weft.controller.controller import Controller


class TokenBody(Body):
    namespace: str
    service_account: str
    service: str | None = None
    ttl_seconds: float = DEFAULT_TTL_S
    uses: int = Field(default=1)


class GrantBody(Body):
    namespace: str
    service_account: str
    service: str | None = None
    uses: int = Field(default=1)


class MachineBody(Body):
    machine: str
    grants: list[GrantBody]
    ttl_seconds: float = DEFAULT_TTL_S


class Certificates:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    async def create_token(self, request: Request) -> Response:
        controller = self._controller
        body = await body_of(request, TokenBody)
        order = Order(body.namespace, body.service_account, body.service or "", body.ttl_seconds, body.uses)
        identity = self._identity(body.namespace, body.service_account)
        place = self._place()
        given, kept = mint(order, place, controller.clock.time())
        if not await controller.store.add_token(kept):
            raise _too_many()
        controller.events.add("token-created", kept.id, f"for {identity}")
        content = {
            "token": given.encode(),
            "id": kept.id,
            "spiffe_id": str(identity),
            "expires_at": kept.expires_at,
            "uses": kept.uses,
            "controller": place.controller,
            "root_sha256": place.root_sha256,
            "hint": self._hint(),
        }
        return JSONResponse(content)

    async def create_machine_token(self, request: Request) -> Response:
        controller = self._controller
        body = await body_of(request, MachineBody)
        identities = [str(self._identity(g.namespace, g.service_account)) for g in body.grants]
        grants = (Grant(g.namespace, g.service_account, g.service or "", g.uses) for g in body.grants)
        place = self._place()
        given, kept = mint_machine(body.machine, grants, place, controller.clock.time(), body.ttl_seconds)
        if not await controller.store.add_tokens(kept):
            raise _too_many()
        controller.events.add("token-created", given.id, f"for machine {body.machine}: {', '.join(identities)}")
        content = {
            "token": given.encode(),
            "id": given.id,
            "machine": body.machine,
            "spiffe_ids": identities,
            "expires_at": kept[0].expires_at,
            "uses": sum(token.uses for token in kept),
            "controller": place.controller,
            "root_sha256": place.root_sha256,
            "hint": self._hint(),
        }
        return JSONResponse(content)

    async def list_tokens(self, request: Request) -> Response:
        tokens = [
            {
                "id": token.id,
                "namespace": token.namespace,
                "service_account": token.service_account,
                "service": token.service or None,
                "created_at": token.created_at,
                "expires_at": token.expires_at,
                "uses": token.uses,
                "used": token.used,
            }
            for token in await self._controller.store.tokens()
        ]
        return JSONResponse({"tokens": tokens})

    async def delete_token(self, request: Request) -> Response:
        token_id = request.path_params["id"]
        if not await self._controller.store.delete_token(token_id):
            raise ApiError(404, f"there is no token {token_id}")
        self._controller.events.add("token-deleted", token_id, "")
        return JSONResponse({"id": token_id})

    async def certificates(self, request: Request) -> Response:
        controller = self._controller
        server = controller.server_identity.current()
        issued = [
            {
                "serial": one.serial,
                "spiffe_id": one.spiffe_id,
                "workload": one.workload,
                "not_before": one.not_before,
                "not_after": one.not_after,
                "proof": one.proof,
            }
            for one in await controller.store.all_issued()
        ]
        content = {
            "trust_domain": controller.authority.trust_domain,
            "roots": [_root(der) for der in controller.authority.roots],
            "controller": {
                "spiffe_id": controller.server_identity.spiffe_id,
                "not_after": server.certificate.not_after,
                "names": list(controller.server_identity.addresses),
            },
            "issued": issued,
        }
        return JSONResponse(content)

    def _identity(self, namespace: str, account: str) -> SpiffeId:
        identity = SpiffeId(self._controller.authority.trust_domain, namespace, account)
        if identity.is_controller:
            raise ApiError(403, f"{identity} is the controller's own identity", "choose another service account")
        return identity

    def _place(self) -> Place:
        controller = self._controller
        return Place(
            str(controller.advertised),
            str(controller.advertised_join),
            controller.authority.root_sha256,
            controller.authority.trust_domain,
        )

    def _hint(self) -> str | None:
        if not self._controller.advertised.loopback:
            return None
        return (
            f"the controller is at {self._controller.advertised}, so that this token works on this machine only; "
            "start it with --grpc-address and --advertise for others"
        )


def _too_many() -> ApiError:
    return ApiError(409, "there are too many join tokens", "revoke some: weft token revoke ID")


def _root(der: bytes) -> dict[str, Any]:
    certificate = x509.load_der_x509_certificate(der)
    return {
        "sha256": hashlib.sha256(der).hexdigest(),
        "subject": certificate.subject.rfc4514_string(),
        "not_before": certificate.not_valid_before_utc.timestamp(),
        "not_after": certificate.not_valid_after_utc.timestamp(),
        "pem": pem(der).decode(),
    }
