import pytest

from weft.run.spec import Spec


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        (Spec("a-0", service="default/a"), "a"),
        (Spec("a-0", service="default/a", account="other"), "other"),
        (Spec("client"), "client"),
    ],
)
def test_the_account_is_the_services_name_unless_said(spec: Spec, account: str) -> None:
    assert spec.service_account == account


def test_a_key_has_its_namespace() -> None:
    assert Spec("a-0", "shop").key == "shop/a-0"
