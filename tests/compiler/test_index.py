import pytest

from tests.compiler.support import access, index_of, mesh, route, service, snapshot, traffic, workload
from weft.compiler.index import Dirty, Index, in_namespace, labels_of
from weft.compiler.model import Stored
from weft.resources import Ref

TARGET_A = "{targetRefs: [{name: a}]}"
FROM_B = "{targetRefs: [{name: a}], rules: [{from: [{services: [b]}]}]}"

# What is there, what changes, what has to be compiled again.
CASES = {
    "a service": ([service("b")], service("a"), {"frontends": "a", "backends": "a", "endpoints": "a", "inbounds": "a"}),
    "a service that a route sends to": (
        [service("a"), route("r", "{backendRefs: [{name: b, port: 80}]}")],
        service("b"),
        {"frontends": "a b", "backends": "b", "endpoints": "b", "inbounds": "b"},
    ),
    "a service that a policy names": (
        [service("a"), access("p", FROM_B)],
        service("b"),
        {"frontends": "b", "backends": "b", "endpoints": "b", "inbounds": "a b"},
    ),
    "a route": ([service("a"), service("b")], route("r", "{backendRefs: [{name: b, port: 80}]}"), {"frontends": "a"}),
    "a traffic policy": ([service("a")], traffic("t", "retry: {}"), {"frontends": "a", "backends": "a"}),
    "an access policy": ([service("a"), service("b")], access("p", TARGET_A), {"endpoints": "a", "inbounds": "a"}),
    "a namespace's access policy": (
        [service("a"), service("b"), service("c", namespace="shop")],
        access("p", "{}"),
        {"endpoints": "a b", "inbounds": "a b"},
    ),
    "a workload": ([service("a"), service("b")], workload("a-0"), {"endpoints": "a", "workloads": "a-0"}),
}


@pytest.mark.parametrize(("there", "change", "again"), CASES.values(), ids=CASES)
def test_a_change_touches_its_own_and_nothing_else(there, change, again):
    index = index_of(*there)
    for undo in (False, True):
        dirty = Dirty()
        if isinstance(change, type(workload("x"))):
            index.drop_workload(change.name, dirty) if undo else index.put_workload(change, dirty)
        else:
            index.drop(change.ref, dirty) if undo else index.put(change.ref, Stored(change, 1, 1.0), dirty)
        kinds = ("frontends", "backends", "endpoints", "inbounds", "workloads")
        found = {kind: " ".join(sorted(n.partition("/")[2] for n in getattr(dirty, kind))) for kind in kinds}
        assert {kind: names for kind, names in found.items() if names} == again
        assert not dirty.mesh


def test_the_mesh_touches_everything():
    dirty = Dirty()
    resource = mesh("{egress: refuse}")
    index_of(service("a"), workload("a-0")).put(resource.ref, Stored(resource), dirty)
    assert (dirty.frontends, dirty.inbounds, dirty.mesh) == ({"default/a"}, {"default/a"}, True)


def test_after_everything_is_gone_nothing_is_kept():
    parts = [service("a"), route("r", "{backendRefs: [{name: b, port: 80}]}"), traffic("t", "retry: {}")]
    parts += [access("p", FROM_B), access("q", "{}")]
    index = index_of(*parts, workload("a-0"))
    for part in parts:
        index.drop(part.ref, Dirty())
    index.drop_workload("default/a-0", Dirty())
    groups = [g for name, g in vars(index).items() if isinstance(g, dict) and name not in ("order", "services_in")]
    assert all(not group for group in groups)
    assert not any(index.services_in.values())


def test_age_is_creation_then_name_and_what_is_not_stored_is_newest_in_file_order():
    index = Index()
    resources = [service("d"), service("c"), service("b"), service("a")]
    for place, (ref, stored) in enumerate(snapshot(resources[:2], stored=False).resources.items()):
        index.put(ref, stored, Dirty())
        index.order[ref] = place
    for ref, _ in snapshot(resources[2:]).resources.items():
        index.put(ref, Stored(service(ref.name), 1, 50.0), Dirty())
    refs = sorted((r.ref for r in resources), key=index.age)
    assert [r.name for r in refs] == ["a", "b", "d", "c"]


def test_a_version_is_a_label():
    assert labels_of(workload("x", version="v1", labels={"a": "b"})) == {"a": "b", "version": "v1"}
    assert labels_of(workload("x", version="v1", labels={"version": "b"})) == {"version": "b"}
    assert labels_of(workload("x")) == {}


def test_a_name_without_namespace_is_of_the_policys():
    assert in_namespace("a", "shop") == "shop/a"
    assert in_namespace("x/a", "shop") == "x/a"


def test_dropping_what_is_not_there_does_nothing():
    dirty = Dirty()
    Index().drop(Ref("Service", "default", "a"), dirty)
    Index().drop_workload("default/a", dirty)
    assert dirty == Dirty()
