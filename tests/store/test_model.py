"""The store's values."""

from weft.resources.ref import Ref
from weft.store.model import Applied, Conflict, Refusal, Registration, Result


def test_an_apply_lists_what_it_rejected() -> None:
    ref = Ref("Service", "default", "a")
    rejected = Result(ref, "rejected", 3, Conflict("changed"))
    assert Applied(4, (Result(ref, "created", 4), rejected)).rejected == (rejected,)


def test_a_conflict_is_a_refusal() -> None:
    assert isinstance(Conflict("changed", "read it again"), Refusal)


def test_a_registration_does_not_print_its_payload() -> None:
    assert "secret" not in repr(Registration("default/a", b"secret"))
