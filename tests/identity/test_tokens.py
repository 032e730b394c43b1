"""Join tokens."""

from __future__ import annotations

import base64
import dataclasses

import pytest

from weft.identity.errors import IdentityError
from weft.identity.tokens import MAX_USES, JoinToken, Order, Place, check, mint
from weft.store.model import Token

PLACE = Place("mesh.example:15010", "mesh.example:15011", "ab" * 32, "t.example")
IDENTITY = ("default", "reviews")
USER = "default/reviews-0 0123"


def minted(**options: object) -> tuple[JoinToken, Token]:
    return mint(Order("default", "reviews", **options), PLACE, 1000.0)  # type: ignore[arg-type]


def test_a_token_is_one_word_that_reads_as_it_was_written() -> None:
    given, _ = minted(service="default/reviews")
    text = given.encode()
    assert text.startswith("weft1.") and " " not in text and len(text) < 600
    assert JoinToken.decode(text) == given and JoinToken.decode(f" {text}\n") == given
    assert (given.controller, given.join, given.root) == (PLACE.controller, PLACE.join, PLACE.root_sha256)


def test_the_store_never_sees_the_secret() -> None:
    given, kept = minted()
    assert given.secret.encode() not in kept.secret_sha256 and given.secret not in repr(kept)
    assert (kept.namespace, kept.service_account, kept.expires_at, kept.uses) == ("default", "reviews", 4600.0, 1)


@pytest.mark.parametrize(
    "text", ["", "weft2.abc", "weft1.", "weft1.!!!", "weft1.eyJpZCI6MX0", "weft1.WzFd", "x" * 9999]
)
def test_what_is_no_token_says_so(text: str) -> None:
    with pytest.raises(IdentityError, match="not a join token") as caught:
        JoinToken.decode(text)
    assert caught.value.reason == "invalid"


def encoded(prefix: str, text: str) -> str:
    return prefix + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


FIELDS = '"controller":"c","join":"d","root":"e","domain":"f","namespace":"g","account":"h"'
HOSTILE = [
    f'{{"id":"a","secret":"b",{FIELDS},"expires":1e999}}',
    f'{{"id":"a","secret":"\\ud800",{FIELDS}}}',
    "[" * 2900,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_means_harm_is_no_token(text: str) -> None:
    """Whoever reaches the listener for joining can send it."""
    with pytest.raises(IdentityError, match="not a join token"):
        JoinToken.decode(encoded("weft1.", text))


def test_a_cut_token_says_so() -> None:
    text = minted()[0].encode()
    with pytest.raises(IdentityError, match="cut off"):
        JoinToken.decode(text[:-20])


def test_a_fresh_token_is_accepted() -> None:
    given, kept = minted()
    assert check(given, kept, IDENTITY, USER, 1001.0) is kept


REFUSALS = [
    ("not known to this controller", {"kept": None}),
    ("not known to this controller", {"secret": "guess"}),
    ("is for default/reviews, not for default/ratings", {"identity": ("default", "ratings")}),
    ("is for default/reviews, not for other/reviews", {"identity": ("other", "reviews")}),
    ("expired 400 s ago", {"now": 5000.0}),
    ("was used already, by default/other", {"used_by": ("default/other 4567",)}),
]


@pytest.mark.parametrize(("message", "change"), REFUSALS)
def test_every_refusal_says_what_and_what_next(message: str, change: dict[str, object]) -> None:
    given, kept = minted()
    if "secret" in change:
        given = dataclasses.replace(given, secret=str(change["secret"]))
    used_by = change.get("used_by", ())
    assert isinstance(used_by, tuple)
    kept = dataclasses.replace(kept, used=len(used_by), used_by=used_by)
    with pytest.raises(IdentityError, match=message) as caught:
        check(
            given,
            None if "kept" in change else kept,
            change.get("identity", IDENTITY),  # type: ignore[arg-type]
            USER,
            float(str(change.get("now", 1001.0))),
        )
    assert caught.value.hint and given.secret not in str(caught.value)


def test_who_does_not_know_the_secret_learns_nothing() -> None:
    given, kept = minted()
    guess = dataclasses.replace(given, secret="guess")
    used = dataclasses.replace(kept, used=1, used_by=("default/other 4567",))
    for identity in (IDENTITY, ("a", "b")):
        with pytest.raises(IdentityError, match="not known"):
            check(guess, used, identity, USER, 9999.0)


def test_the_same_key_may_ask_again_because_its_answer_may_have_been_lost() -> None:
    given, kept = minted()
    used = dataclasses.replace(kept, used=1, used_by=(USER,))
    assert check(given, used, IDENTITY, USER, 1001.0) is used


@pytest.mark.parametrize(
    "order",
    [
        Order("", "a"),
        Order("a/b", "a"),
        Order("a", "a b"),
        Order("a", "a", ttl_s=0),
        Order("a", "a", ttl_s=1e9),
        Order("a", "a", uses=0),
        Order("a", "a", uses=MAX_USES + 1),
        Order("a", "a", service="reviews"),
        Order("a", "a", service="a/b/c"),
    ],
)
def test_an_impossible_order_is_refused(order: Order) -> None:
    with pytest.raises(IdentityError):
        mint(order, PLACE, 0.0)
