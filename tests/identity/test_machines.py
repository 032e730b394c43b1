"""Machine tokens."""

from __future__ import annotations

import base64
import dataclasses

import pytest

from weft.identity.errors import IdentityError
from weft.identity.machines import MAX_GRANTS, PREFIX, Grant, MachineToken, derived, mint_machine
from weft.identity.tokens import JoinToken, Place, check
from weft.store.model import Token

PLACE = Place("192.0.2.1:15010", "192.0.2.1:15011", "ab" * 32, "t.example")
RATINGS, JOB = Grant("default", "ratings", "default/ratings", 2), Grant("default", "job")


def minted() -> tuple[MachineToken, list[Token]]:
    return mint_machine("b", [RATINGS, JOB], PLACE, 1000.0, 60.0)


def test_it_is_one_word_that_reads_as_it_was_written() -> None:
    given, _ = minted()
    text = given.encode()
    assert text.startswith("weftm1.") and " " not in text and len(text) < 600
    assert MachineToken.decode(f" {text}\n") == given
    assert (given.machine, given.controller, given.made, given.expires) == ("b", PLACE.controller, 1000, 1060)


def test_each_part_is_a_join_token_that_the_controller_takes() -> None:
    given, kept = minted()
    part = given.for_grant("default", "ratings", "default/ratings")
    assert part is not None and JoinToken.decode(part.encode()) == part
    assert (part.controller, part.join, part.root, part.service) == (
        *(given.controller, given.join, given.root),
        "default/ratings",
    )
    assert check(part, kept[0], ("default", "ratings"), "default/ratings-0 01", 1001.0) is kept[0]
    assert [(token.service_account, token.uses, token.expires_at) for token in kept] == [
        ("ratings", 2, 1060.0),
        ("job", 1, 1060.0),
    ]


def test_what_was_not_granted_has_no_token() -> None:
    given, _ = minted()
    assert given.for_grant("default", "orders", "default/orders") is None
    assert given.for_grant("shop", "ratings", "default/ratings") is None
    assert given.for_grant("default", "ratings", "") is None


def test_a_part_cannot_be_used_for_another() -> None:
    given, kept = minted()
    part = given.for_grant("default", "ratings", "default/ratings")
    assert part is not None
    with pytest.raises(IdentityError, match="not known"):
        check(dataclasses.replace(part, id=kept[1].id), kept[1], ("default", "job"), "default/job-0 01", 1001.0)
    with pytest.raises(IdentityError, match="is for default/ratings, not for default/job"):
        check(part, kept[0], ("default", "job"), "default/job-0 01", 1001.0)


def test_every_secret_is_another_and_none_is_the_bundles() -> None:
    found = [derived(secret, grant) for secret in ("s", "t") for grant in (RATINGS, JOB, dataclasses.replace(JOB))]
    assert len(set(found)) == 4 and not {"s", "t"} & set(found)
    # As any other program computes it: a vector for the table in wire.md.
    assert derived("s", JOB) == "etf5WREvsCvjYgG76-g4DzdqPre4yY5f3aHrlJX_cys"


@pytest.mark.parametrize("text", ["", "weft1.abc", "weftm1.", "weftm1.!!!", "weftm1.e30", "weftm1.WzFd", "x" * 99999])
def test_what_is_none_says_so(text: str) -> None:
    with pytest.raises(IdentityError, match="not a machine's token") as caught:
        MachineToken.decode(text)
    assert caught.value.reason == "invalid"


def test_a_cut_one_says_so() -> None:
    with pytest.raises(IdentityError, match="cut off"):
        MachineToken.decode(minted()[0].encode()[:-20])


@pytest.mark.parametrize(
    ("machine", "grants"),
    [
        ("a/b", [JOB]),
        ("b", []),
        ("b", [JOB, JOB]),
        ("b", [dataclasses.replace(JOB, account="a b")]),
        ("b", [dataclasses.replace(JOB, uses=0)]),
        ("b", [dataclasses.replace(JOB, account=f"job-{i}") for i in range(MAX_GRANTS + 1)]),
    ],
)
def test_an_impossible_one_is_refused(machine: str, grants: list[Grant]) -> None:
    with pytest.raises(IdentityError):
        mint_machine(machine, grants, PLACE, 0.0)


@pytest.mark.parametrize("made", ["1e999", "[" * 20_000, '"\\ud800"'])
def test_what_means_harm_is_no_machines_token(made: str) -> None:
    fields = '"id":"a","secret":"b","controller":"c","join":"d","root":"e","domain":"f","machine":"g","grants":[]'
    text = f'{{{fields},"made":{made},"expires":0}}'
    with pytest.raises(IdentityError, match="not a machine's token"):
        MachineToken.decode(PREFIX + base64.urlsafe_b64encode(text.encode()).decode())
