"""Why an identity is not given."""

from weft.identity.errors import IdentityError


def test_an_error_has_a_reason_a_message_and_a_hint() -> None:
    error = IdentityError("denied", "no", "ask again")
    assert (error.reason, str(error), error.hint) == ("denied", "no", "ask again")
