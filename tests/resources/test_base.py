import pickle

import pytest
from pydantic import ValidationError

from tests.resources.support import one
from weft.resources import Metadata, Origin, Ref, Service, parse_document
from weft.resources.service import ServicePort, ServiceSpec

SPEC = "{ports: [{name: http, port: 80}], health: {http: /h, interval: 90s}}"


def test_a_resource_has_a_ref_and_a_full_name():
    service = one("Service", SPEC, name="a", namespace="shop")
    assert service.ref == Ref("Service", "shop", "a")
    assert service.full_name == "shop/a"


def test_it_reads_back_from_what_it_writes():
    service = one("Service", SPEC)
    written = service.to_dict()
    assert written["apiVersion"] == "weft/v1"
    assert written["spec"]["health"] == {"http": "/h", "interval": "1m30s"}
    back = parse_document(written, Origin("other.yaml", 7))
    assert back.same_intent(service)
    assert back.to_dict() == written


def test_it_is_built_from_typed_values_too():
    service = Service(metadata=Metadata(name="a"), spec=ServiceSpec(ports=(ServicePort(port=80),)))
    written = {"apiVersion": "weft/v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    assert service.to_dict() == written
    assert service.ref == Ref("Service", "default", "a")


def test_where_it_stands_is_not_what_it_says():
    one_place = parse_document(one("Service", SPEC).to_dict(), Origin("a.yaml", 1))
    other = parse_document(one("Service", SPEC).to_dict(), Origin("b.yaml", 9))
    assert one_place.same_intent(other)
    assert not one_place.same_intent(one("Service", SPEC, name="y"))
    assert not one_place.same_intent(one("Service", "{ports: [{port: 81}]}"))


def test_nobody_changes_it():
    with pytest.raises(ValidationError, match="frozen"):
        one("Service", SPEC).metadata.name = "b"


def test_it_goes_to_another_process():
    service = one("Service", SPEC)
    back = pickle.loads(pickle.dumps(service))
    assert back.same_intent(service)
    assert back.origin == service.origin
