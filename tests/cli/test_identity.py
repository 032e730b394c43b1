import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli.failure import Failure
from weft.cli.identity import seconds

TOKEN = {"token": "weft1.abc", "spiffe_id": "spiffe://t/ns/shop/sa/reviews", "expires_at": 900.0, "uses": 2}


def test_a_token_alone_goes_to_stdout(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/tokens"] = TOKEN
    done = weft("token", "create", "reviews", "-n", "shop", "--expires", "15m", "--uses", "2")
    assert done.out == "weft1.abc\n"
    assert done.err.startswith("for spiffe://t/ns/shop/sa/reviews, 2 uses, expires in 15m\n\nhint: weft run --token")
    assert controller.asked[0][2] == {
        "namespace": "shop",
        "service_account": "reviews",
        "service": "shop/reviews",
        "ttl_seconds": 900,
        "uses": 2,
    }


def test_tokens_are_listed_without_secrets(weft: Weft, controller: Fake) -> None:
    info = {"id": "a1", "namespace": "shop", "service_account": "reviews", "uses": 2, "used": 1}
    controller.answers["/v1/tokens"] = {"tokens": [info]}
    assert weft("token", "list").lines[1].split()[:4] == ["a1", "shop/reviews", "-", "1/2"]


def test_a_token_can_be_revoked(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/tokens/a1"] = {"id": "a1"}
    assert weft("token", "revoke", "a1").out == "a1 revoked\n"
    assert controller.asked[0][0] == "DELETE"


def test_roots_come_before_what_they_signed(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/certs"] = {
        "trust_domain": "t.weft",
        "roots": [{"sha256": "ab", "subject": "CN=t.weft", "not_after": 4102444800}],
        "issued": [{"serial": "1", "spiffe_id": "spiffe://t.weft/x", "workload": "a-0", "proof": "unix"}],
    }
    lines = weft("certs").lines
    assert lines[1].startswith("root      CN=t.weft")
    assert "2100-01-01 00:00" in lines[1]
    assert lines[2].split()[:4] == ["workload", "spiffe://t.weft/x", "a-0", "unix"]


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604800)])
def test_durations(text: str, value: int) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "s", "1", "-1h", "1.5h", "0s", "1w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="is not a duration"):
        seconds(text)
