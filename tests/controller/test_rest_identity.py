"""REST: join tokens and certificates."""

from __future__ import annotations

import pytest

from tests.controller.conftest import World
from weft.identity.machines import MachineToken
from weft.identity.tokens import JoinToken

BODY = {"namespace": "default", "service_account": "a"}


async def test_a_token_carries_everything_that_joining_needs(world: World) -> None:
    answer = await world.ok("POST", "/v1/tokens", json={**BODY, "ttl_seconds": 60, "service": "default/a"})
    token = JoinToken.decode(answer["token"])
    assert (token.controller, token.join) == (str(world.controller.grpc_address), str(world.controller.join_address))
    assert token.root == answer["root_sha256"] == world.controller.authority.root_sha256
    assert answer["spiffe_id"] == f"spiffe://{world.controller.authority.trust_domain}/ns/default/sa/a"
    assert "on this machine only" in answer["hint"]
    (listed,) = (await world.ok("GET", "/v1/tokens"))["tokens"]
    assert (listed["service"], listed["uses"], listed["used"]) == ("default/a", 1, 0)
    assert token.secret not in str(await world.ok("GET", "/v1/tokens"))


async def test_a_deleted_token_is_gone(world: World) -> None:
    token = (await world.ok("POST", "/v1/tokens", json=BODY))["id"]
    assert await world.ok("DELETE", f"/v1/tokens/{token}") == {"id": token}
    await world.fails(404, "DELETE", f"/v1/tokens/{token}")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"namespace": "weft", "service_account": "controller"}, 403),
        ({"namespace": "a/b"}, 400),
        ({"ttl_seconds": 0}, 400),
        ({"uses": 0}, 400),
        ({"service": "a"}, 400),
        ({"colour": "red"}, 400),
    ],
)
async def test_an_impossible_token_is_refused(world: World, change: dict[str, object], status: int) -> None:
    answer = await world.fails(status, "POST", "/v1/tokens", json={**BODY, **change})
    assert answer["error"] and answer["hint"]


GRANTS = [
    {"namespace": "default", "service_account": "a", "service": "default/a", "uses": 2},
    {"namespace": "default", "service_account": "job"},
]


async def test_a_machines_token_is_a_join_token_for_each_of_its_identities(world: World) -> None:
    answer = await world.ok("POST", "/v1/machine-tokens", json={"machine": "b", "grants": GRANTS, "ttl_seconds": 60})
    token = MachineToken.decode(answer["token"])
    assert (token.machine, token.root, answer["uses"]) == ("b", world.controller.authority.root_sha256, 3)
    assert [name.rpartition("/")[2] for name in answer["spiffe_ids"]] == ["a", "job"]
    assert "on this machine only" in answer["hint"]
    listed = (await world.ok("GET", "/v1/tokens"))["tokens"]
    assert [(one["id"], one["service"], one["uses"]) for one in listed] == [
        (f"{token.id}.0", "default/a", 2),
        (f"{token.id}.1", None, 1),
    ]
    await world.ok("DELETE", f"/v1/tokens/{token.id}")
    assert (await world.ok("GET", "/v1/tokens"))["tokens"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"machine": "a/b"}, 400),
        ({"grants": []}, 400),
        ({"grants": [GRANTS[0], GRANTS[0]]}, 400),
        ({"grants": [{"namespace": "weft", "service_account": "controller"}]}, 403),
        ({"grants": [{**GRANTS[0], "uses": 0}]}, 400),
        ({"ttl_seconds": 0}, 400),
    ],
)
async def test_an_impossible_machines_token_is_refused(world: World, change: dict[str, object], status: int) -> None:
    body = {"machine": "b", "grants": GRANTS, **change}
    answer = await world.fails(status, "POST", "/v1/machine-tokens", json=body)
    assert answer["error"] and answer["hint"]
    assert (await world.ok("GET", "/v1/tokens"))["tokens"] == []


async def test_certificates_are_listed_with_their_proof(world: World) -> None:
    await world.joined("default/a-0", "default/a")
    answer = await world.ok("GET", "/v1/certs")
    (root,) = answer["roots"]
    assert root["sha256"] == world.controller.authority.root_sha256 and "BEGIN CERTIFICATE" in root["pem"]
    assert answer["controller"]["spiffe_id"].endswith("/ns/weft/sa/controller")
    (issued,) = answer["issued"]
    assert (issued["workload"], issued["proof"]) == ("default/a-0", "token")
    assert "PRIVATE" not in str(answer)
