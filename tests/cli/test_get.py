import json

import pytest
import yaml

from tests.cli.conftest import Fake, Weft

SERVICE = {
    "ref": "Service/default/reviews",
    "revision": 3,
    "created_at": 0,
    "owner": "shop",
    "document": {"kind": "Service", "metadata": {"name": "reviews"}},
}
ROUTE = {"ref": "HTTPRoute/default/r", "revision": 4, "document": {"kind": "HTTPRoute"}}


@pytest.fixture(autouse=True)
def stored(controller: Fake) -> None:
    controller.answers["/v1/resources"] = {"revision": 4, "resources": [SERVICE, ROUTE]}


def test_a_table_for_people(weft: Weft) -> None:
    done = weft("get")
    assert done.lines[0].split() == ["RESOURCE", "REVISION", "OWNER", "AGE"]
    assert done.lines[1].split()[:3] == ["Service/default/reviews", "3", "shop"]


def test_yaml_is_what_apply_takes(weft: Weft) -> None:
    assert list(yaml.safe_load_all(weft("get", "-o", "yaml").out)) == [SERVICE["document"], ROUTE["document"]]


def test_json_is_a_list_of_documents(weft: Weft) -> None:
    assert json.loads(weft("get", "-o", "json").out) == [SERVICE["document"], ROUTE["document"]]


@pytest.mark.parametrize("words", [["services", "reviews"], ["service/reviews"]])
def test_one_by_kind_and_name(weft: Weft, controller: Fake, words: list[str]) -> None:
    done = weft("get", *words, "-n", "default")
    assert len(done.lines) == 2
    assert controller.asked[0][1] == "/v1/resources?kind=Service&namespace=default"


def test_what_is_not_there_is_status_1(weft: Weft) -> None:
    done = weft("get", "service", "nobody")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: no service nobody\n\nhint: ")


def test_what_is_registered_can_be_asked_for_as_well(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/workloads"] = {"workloads": [{"name": "default/reviews-0"}]}
    assert weft("get", "workloads", "reviews").lines[1].startswith("default/reviews-0")
    assert controller.asked[0][1] == "/v1/workloads?service=default%2Freviews"


def test_delete_says_what_went(weft: Weft, controller: Fake) -> None:
    path = "/v1/resources/Service/default/reviews"
    controller.answers[path] = {"revision": 5, "results": [{"ref": "Service/default/reviews", "action": "deleted"}]}
    assert weft("delete", "services", "reviews").out == "Service/default/reviews deleted\n"
    assert controller.asked == [("DELETE", path, None)]


def test_delete_needs_a_name(weft: Weft) -> None:
    done = weft("delete", "services")
    assert done.status == 2
    assert "write `weft delete KIND NAME`" in done.err
