"""Names of identities."""

from __future__ import annotations

import pytest

from weft.identity.errors import IdentityError
from weft.identity.spiffe import SpiffeId, check_name, check_trust_domain, new_trust_domain


def test_an_identity_reads_as_it_is_written() -> None:
    text = "spiffe://t.example/ns/default/sa/reviews"
    assert SpiffeId.parse(text) == SpiffeId("t.example", "default", "reviews") and str(SpiffeId.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://t.example",
        "https://t.example/ns/a/sa/b",
        "spiffe://T.example/ns/a/sa/b",
        "spiffe://t.example/ns//sa/b",
        "spiffe://t.example/ns/../sa/b",
        "spiffe://t.example/ns/a/sa/b/c",
        "spiffe://t.example/ns/a/sa/b%2fc",
        "spiffe://t.example/ns/a/sa/b\n",
        "spiffe://t.example:1/ns/a/sa/b",
        "spiffe://t.example/ns/a/sa/" + "b" * 254,
    ],
)
def test_what_could_be_read_two_ways_is_no_identity(text: str) -> None:
    with pytest.raises(IdentityError):
        SpiffeId.parse(text)


def test_only_the_controller_is_the_controller() -> None:
    assert SpiffeId("t", "weft", "controller").is_controller
    assert not SpiffeId("t", "weft", "other").is_controller and not SpiffeId("t", "a", "controller").is_controller


def test_trust_domains_are_unique_and_valid() -> None:
    made = {check_trust_domain(new_trust_domain()) for _ in range(100)}
    assert len(made) == 100


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é"])
def test_a_name_that_is_no_path_segment_is_refused_with_a_hint(name: str) -> None:
    with pytest.raises(IdentityError, match="not a workload") as caught:
        check_name("workload", name)
    assert caught.value.hint
