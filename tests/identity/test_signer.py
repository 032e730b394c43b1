"""From a proof to a certificate."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.identity.support import NOW, authority, csr, key, uris, verify_as_client
from weft.identity.errors import IdentityError
from weft.identity.signer import Ask, Proof, Signer
from weft.identity.spiffe import SpiffeId
from weft.identity.tokens import Order, Place, mint
from weft.store import Store

PLACE = Place("c:1", "c:2", "00" * 32, "t.example")
ANONYMOUS, LOCAL = Proof("anonymous"), Proof("local")


class World:
    def __init__(self, tmp_path: Path) -> None:
        self.now = NOW.timestamp()
        self.store = Store(tmp_path / "store.db", lambda: self.now)
        self.signer = Signer(authority(tmp_path), self.store, lambda: self.now)
        self.key: ec.EllipticCurvePrivateKey = key()

    async def token(self, account: str = "reviews", **options: Any) -> str:
        given, kept = mint(Order("default", account, **options), PLACE, self.now)
        assert await self.store.add_token(kept)
        return given.encode()

    def ask(self, **changes: Any) -> Ask:
        return dataclasses.replace(Ask(csr(self.key), "default", "reviews", "reviews-0"), **changes)

    async def svid(self, **changes: Any) -> Proof:
        """Somebody that holds a certificate."""
        await self.signer.sign(self.ask(**changes), LOCAL)
        issued = (await self.store.all_issued())[-1]
        return Proof("svid", SpiffeId.parse(issued.spiffe_id), issued.serial)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


async def test_a_token_gives_the_certificate_that_it_names(world: World) -> None:
    signed = await world.signer.sign(world.ask(token=await world.token(service="default/reviews")), ANONYMOUS)
    assert signed.spiffe_id == "spiffe://t.example/ns/default/sa/reviews" and uris(signed.chain[0]) == [
        signed.spiffe_id
    ]
    assert signed.not_after == world.now + 86_400 and signed.roots == world.signer.authority.roots
    verify_as_client(signed.chain[0], signed.roots[0])
    (issued,) = await world.store.all_issued()
    assert (issued.workload, issued.service, issued.proof) == ("default/reviews-0", "default/reviews", "token")


async def test_a_token_works_once_but_the_same_key_may_ask_again(world: World) -> None:
    text = await world.token()
    await world.signer.sign(world.ask(token=text), ANONYMOUS)
    await world.signer.sign(world.ask(token=text), ANONYMOUS)
    with pytest.raises(IdentityError, match="was used already, by default/reviews-0"):
        await world.signer.sign(world.ask(token=text, csr=csr(key())), ANONYMOUS)
    (kept,) = await world.store.tokens()
    assert kept.used == 1


async def test_a_refused_request_does_not_spend_the_token(world: World) -> None:
    text = await world.token()
    for bad in ({"csr": b"x"}, {"service_account": "ratings"}, {"their_time": 1.0}):
        with pytest.raises(IdentityError):
            await world.signer.sign(world.ask(token=text, **bad), ANONYMOUS)
    assert (await world.store.tokens())[0].used == 0
    await world.signer.sign(world.ask(token=text), ANONYMOUS)


async def test_an_expired_token_is_refused(world: World) -> None:
    text = await world.token(ttl_s=60)
    world.now += 61
    with pytest.raises(IdentityError, match="expired 1 s ago"):
        await world.signer.sign(world.ask(token=text), ANONYMOUS)


async def test_nothing_is_given_for_nothing(world: World) -> None:
    with pytest.raises(IdentityError, match="nothing proves") as caught:
        await world.signer.sign(world.ask(), ANONYMOUS)
    assert caught.value.reason == "unauthenticated" and "weft token create" in caught.value.hint


async def test_the_local_socket_gives_any_identity(world: World) -> None:
    signed = await world.signer.sign(world.ask(namespace="other", service_account="x", workload="y"), LOCAL)
    assert signed.spiffe_id == "spiffe://t.example/ns/other/sa/x"


@pytest.mark.parametrize("proof", [ANONYMOUS, LOCAL])
async def test_nobody_is_ever_the_controller(world: World, proof: Proof) -> None:
    with pytest.raises(IdentityError, match="the controller's own identity"):
        await world.signer.sign(world.ask(namespace="weft", service_account="controller"), proof)


async def test_an_svid_renews_itself_and_keeps_what_it_was_bound_to(world: World) -> None:
    signed = await world.signer.sign(world.ask(token=await world.token(service="default/reviews")), ANONYMOUS)
    (first,) = await world.store.all_issued()
    world.now += 3600
    held = Proof("svid", SpiffeId.parse(signed.spiffe_id), first.serial)
    again = await world.signer.sign(world.ask(csr=csr(key())), held)
    assert again.not_after == signed.not_after + 3600
    newest = (await world.store.all_issued())[0]
    assert (newest.workload, newest.service, newest.proof) == ("default/reviews-0", "default/reviews", "svid")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"service_account": "ratings"}, "renews itself only"),
        ({"namespace": "other"}, "renews itself only"),
        ({"workload": "reviews-1"}, "was given to default/reviews-0, not to default/reviews-1"),
    ],
)
async def test_an_svid_is_no_proof_for_another(world: World, changes: dict[str, str], message: str) -> None:
    held = await world.svid()
    with pytest.raises(IdentityError, match=message):
        await world.signer.sign(world.ask(**changes), held)


async def test_an_svid_that_a_restored_store_has_forgotten_still_renews(world: World) -> None:
    held = dataclasses.replace(await world.svid(), serial="dead")
    signed = await world.signer.sign(world.ask(), held)
    assert signed.spiffe_id == "spiffe://t.example/ns/default/sa/reviews"


async def test_a_clock_that_is_off_is_warned_of_or_refused(world: World) -> None:
    signed = await world.signer.sign(world.ask(their_time=world.now - 120), LOCAL)
    assert signed.warning == "the clock of default/reviews-0 is 2 min behind the controller's"
    with pytest.raises(IdentityError, match="would not be valid there yet"):
        await world.signer.sign(world.ask(their_time=world.now - 1200), LOCAL)


async def test_the_life_of_certificates_is_bounded(world: World) -> None:
    for life in (0.0, 1e9):
        with pytest.raises(IdentityError, match="cannot live"):
            Signer(world.signer.authority, world.store, lambda: 0.0, life)
    short = Signer(world.signer.authority, world.store, lambda: world.now, 2.0)
    assert (await short.sign(world.ask(), LOCAL)).not_after == world.now + 2
