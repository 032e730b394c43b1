import pickle

import pytest

from tests.compiler.support import compiled, route, service, workload
from weft.compiler import Condition, Status, backend_key, frontend_key
from weft.resources import Ref


def test_keys_are_spelled_as_the_contract_says():
    assert frontend_key("default/a", 80) == "default/a:80@*"
    assert frontend_key("default/a", 80, "shop") == "default/a:80@shop"
    assert backend_key("default/a", 80) == "default/a:80"
    assert backend_key("default/a", 80, "v2") == "default/a:80[v2]"


def test_a_status_finds_its_conditions():
    accepted = Condition("Accepted", "True", "Accepted")
    status = Status(Ref("Service", "default", "a"), (accepted,))
    assert status.condition("Accepted") is accepted
    assert status.condition("Enforced") is None


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("default/a:80@*", "default/a:80@*"),
        ("default/a:80@other", "default/a:80@*"),
        ("default/a:80@shop", "default/a:80@shop"),
        ("default/a:81@shop", None),
        ("default/b:80@shop", None),
    ],
)
def test_a_client_namespace_without_consumer_routes_is_answered_with_everybodys(asked, answered):
    result = compiled(service("a"), route("r", "{}", namespace="shop"))
    found = result.find("Frontend", asked)
    assert (found and found.key) == answered


def test_the_key_for_a_client_is_where_its_content_stands():
    result = compiled(service("a"), route("r", "{}", namespace="shop"))
    assert result.frontend_key_for("default/a", 80, "shop") == "default/a:80@shop"
    assert result.frontend_key_for("default/a", 80, "other") == "default/a:80@*"


def test_what_is_delivered_goes_to_another_process():
    for delivered in compiled(service("a"), workload("a-0")).delivered.values():
        assert pickle.loads(pickle.dumps(delivered)) == delivered
