"""The compiler as a whole: what it holds depends on its last snapshot and world, not on how it got there."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.support import access, found, mesh, route, service, snapshot, traffic, workload, world
from weft.compiler import Compiler, Snapshot, Stored, World, compile_all
from weft.resources import Origin, load_text, to_yaml

SUBSETS = "{ports: [{port: 80, name: http}, {port: 81}], subsets: [{name: v2, labels: {version: v2}}]}"

# What may be there; of equal names one at a time.
RESOURCES = [
    service("a"),
    service("a", SUBSETS),
    service("a", "{ports: [{port: 80, protocol: TCP}], identities: [a, b], mtls: {mode: strict}}"),
    service("b"),
    service("b", "{ports: [{port: 80}], identities: [bb], endpoints: [{address: 127.0.0.9}]}"),
    service("c", namespace="shop"),
    route("r", "{backendRefs: [{name: a, port: 80, weight: 9}, {name: a, port: 80, subset: v2}]}"),
    route("r", "{matches: [{method: GET}], backendRefs: [{name: b, port: 80}]}"),
    route("r", "{backendRefs: [{name: c, namespace: shop, port: 80}]}", to="b"),
    route("s", "{matches: [{path: {value: /s}}], backendRefs: [{name: gone, port: 80}]}"),
    route("s", "{matches: [{path: {value: /s}}]}", more=", port: 81"),
    route("consumer", "{backendRefs: [{name: c, port: 80}]}", namespace="shop"),
    traffic("t", "retry: {attempts: 1}, balancer: {kind: random}"),
    traffic("t", "timeouts: {request: 1s, connect: 1s}", more=", port: 81"),
    traffic("t", "split: {sticky: {header: x-user}}"),
    traffic("u", "balancer: {kind: round-robin}"),
    traffic("u", "balancer: {kind: round-robin}", more=", subset: v2"),
    access("p", "{targetRefs: [{name: a}], rules: [{from: [{services: [b]}]}]}"),
    access("p", "{action: Deny, rules: [{to: [{methods: [DELETE]}]}]}"),
    access("p", "{selector: {labels: {version: v2}}, rules: [{}]}"),
    access("q", "{audit: true, targetRefs: [{name: b}], rules: [{}]}"),
    mesh("{mtls: {mode: strict}}"),
    mesh("{egress: refuse, suffixes: [other], access: {default: deny}}"),
]
WORKLOADS = [
    workload("w1"),
    workload("w1", health="unhealthy"),
    workload("w1", of="b"),
    workload("w2", version="v2"),
    workload("w2", account=""),
    workload("w3", of="b", account="bb"),
    workload("w3", of="b", capabilities=frozenset()),
    workload("w4", of=""),
    workload("w5", of="c", namespace="shop"),
]
# What sources may have found, by service.
DISCOVERED = [
    {},
    {"default/a": (found("192.0.2.1"), found("192.0.2.2", 81, labels={"version": "v2"}))},
    {"default/a": (found("192.0.2.1", health="unknown", stale=True),), "default/gone": (found(),)},
    {"default/b": (found("2001:db8::1", identity="spiffe://weft.local/ns/default/sa/bb", priority=1),)},
]
ROOTS = [("weft.local", ()), ("weft.local", (b"root",)), ("other.local", (b"root",))]


@st.composite
def states(draw):
    """A snapshot (creation times in any order) and a world."""
    resources = {r.ref: r for r in draw(st.lists(st.sampled_from(RESOURCES), max_size=10))}
    ages = draw(st.permutations(range(len(resources))))
    stored = {ref: Stored(r, 1, 1.0 + age) for (ref, r), age in zip(resources.items(), ages, strict=True)}
    workloads = {w.name: w for w in draw(st.lists(st.sampled_from(WORKLOADS), max_size=4))}
    discovered = draw(st.sampled_from(DISCOVERED))
    return Snapshot(1, stored), World(workloads, *draw(st.sampled_from(ROOTS)), discovered)


def content(compiled):
    """All that anybody could see of it."""
    delivered = {key: (d.version, d.needs, d.requires, d.origins) for key, d in compiled.delivered.items()}
    return delivered, dict(compiled.statuses), {ref: set(keys) for ref, keys in compiled.by_origin.items()}


@settings(max_examples=150, deadline=None)
@given(st.lists(states(), min_size=2, max_size=4))
def test_step_by_step_gives_what_cold_gives(steps):
    compiler = Compiler()
    for state in steps:
        compiler.update(*state)
        assert content(compiler.compiled) == content(compile_all(*state))


@settings(max_examples=100, deadline=None)
@given(states(), states())
def test_apply_then_revert_gives_back_the_start(start, other):
    compiler = Compiler()
    compiler.update(*start)
    before = content(compiler.compiled)
    compiler.update(*other)
    compiler.update(*start)
    assert content(compiler.compiled) == before


@settings(max_examples=100, deadline=None)
@given(states(), states())
def test_a_delta_is_exactly_the_difference(start, other):
    compiler = Compiler()
    compiler.update(*start)
    had = {key: d.version for key, d in compiler.compiled.delivered.items()}
    delta = compiler.update(*other)
    has = {key: d.version for key, d in compiler.compiled.delivered.items()}
    assert {key: d.version for key, d in delta.changed.items()} == {k: v for k, v in has.items() if had.get(k) != v}
    assert delta.removed == had.keys() - has.keys()
    assert not compiler.update(*other)


@settings(max_examples=100, deadline=None)
@given(states(), st.randoms())
def test_the_order_of_input_is_irrelevant(state, chance: random.Random):
    given_snapshot, given_world = state

    def shuffled(mapping):
        items = list(mapping.items())
        chance.shuffle(items)
        return dict(items)

    other = (
        Snapshot(1, shuffled(given_snapshot.resources)),
        replace(given_world, workloads=shuffled(given_world.workloads)),
    )
    assert content(compile_all(*other)) == content(compile_all(*state))
    one, two = (compile_all(*s).delivered for s in (state, other))
    assert {k: d.message.SerializeToString(deterministic=True) for k, d in one.items()} == {
        k: d.message.SerializeToString(deterministic=True) for k, d in two.items()
    }


@settings(max_examples=50, deadline=None)
@given(states(), states())
def test_a_hint_of_what_changed_gives_the_same(start, other):
    compiler = Compiler()
    compiler.update(*start)
    refs = {**start[0].resources, **other[0].resources}
    workloads = {**start[1].workloads, **other[1].workloads}
    discovered = {**start[1].discovered, **other[1].discovered}
    compiler.update(*other, refs=refs, workloads=workloads, discovered=discovered)
    assert content(compiler.compiled) == content(compile_all(*other))


def test_what_needs_is_there_or_absent_but_never_forgotten():
    compiled = compile_all(snapshot(RESOURCES), world(*WORKLOADS))
    for delivered in compiled.delivered.values():
        assert all(need in compiled.delivered for need in delivered.needs)


def test_a_comment_moves_nothing():
    text = to_yaml([service("a"), route("r", "{}")])
    loaded = [load_text(prefix + text, file).resources for prefix, file in (("", "a.yaml"), ("# more\n\n", "b.yaml"))]
    compiler = Compiler()
    compiler.update(snapshot(loaded[0]), world())
    assert not compiler.update(snapshot(loaded[1], revision=2), world())
    assert compiler.compiled.snapshot.resources[route("r", "{}").ref].resource.origin.file == "b.yaml"


def test_an_endpoint_change_compiles_no_route():
    compiler = Compiler()
    compiler.update(snapshot(RESOURCES), world(workload("w1"), workload("w2")))
    delta = compiler.update(None, world(workload("w1"), workload("w2", health="unhealthy")))
    assert {kind for kind, _ in delta.changed} == {"Endpoints"}


def test_what_a_source_found_changes_the_endpoints_of_its_service_only():
    compiler = Compiler()
    compiler.update(snapshot([service("a"), service("b"), route("r", "{backendRefs: [{name: a, port: 80}]}")]), world())
    assert {kind for kind, _ in compiler.update(None, world(found())).changed} == {"Endpoints"}
    # Stale is for people: as long as it is used in the same way, no proxy hears of it.
    assert not compiler.update(None, world(found(stale=True)))


def test_who_was_kept_out_is_no_longer_named_when_the_policy_is_gone():
    closed = service("b", "{ports: [{port: 80}], endpoints: [{address: 127.0.0.9}]}")
    policy = access("p", "{action: Deny, rules: [{to: [{methods: [DELETE]}]}]}")
    compiler = Compiler()
    compiler.update(snapshot([closed, policy]), world())
    assert "AccessPolicy/default/p" in str(compiler.compiled.statuses[closed.ref])
    compiler.update(snapshot([closed]), world())
    assert "AccessPolicy/default/p" not in str(compiler.compiled.statuses[closed.ref])


def test_a_route_change_touches_one_frontend():
    compiler = Compiler()
    compiler.update(snapshot([service("a"), service("b"), route("r", "{}")]), world())
    delta = compiler.update(snapshot([service("a"), service("b"), route("r", "{matches: [{method: GET}]}")]))
    assert list(delta.changed) == [("Frontend", "default/a:80@*")]


def test_files_not_stored_yet_count_in_their_order_also_when_it_changes():
    one, two = route("z", "{}"), route("b", "{}")
    compiler = Compiler()
    for routes in ([one, two], [two, one], [one, two]):
        state = snapshot([service("a"), *routes], stored=False)
        compiler.update(state, world())
        frontend = compiler.compiled.delivered["Frontend", "default/a:80@*"].message
        assert [e.rule_id for e in frontend.routes] == [f"{r.ref}/0" for r in routes]


# ------------------------------------------------------------------------------------------------- bad objects


def no_regex(kind, content):
    return "the pattern is no good" if b"bad+" in content else None


BAD = route("r", "{matches: [{path: {type: RegularExpression, value: 'bad+'}}]}")
GOOD = route("r", "{matches: [{path: {type: RegularExpression, value: 'good+'}}]}")


def patterns(compiler):
    frontend = compiler.compiled.delivered["Frontend", "default/a:80@*"].message
    return frontend.has_routes, [e.match.path_regex for e in frontend.routes]


def accepted(compiler, resource):
    return compiler.compiled.statuses[resource.ref].condition("Accepted")


def test_a_bad_object_is_refused_by_name_and_the_others_stand():
    compiler = Compiler(no_regex)
    compiler.update(snapshot([service("a"), BAD, route("s", "{}")]), world())
    assert patterns(compiler) == (True, [""])
    condition = accepted(compiler, BAD)
    assert (condition.status, condition.reason) == ("False", "Refused")
    assert condition.message == "the pattern is no good; nothing of it is in force"
    assert accepted(compiler, route("s", "{}")).status == "True"


def test_the_last_good_version_of_a_bad_object_stays_until_it_is_good_or_gone():
    compiler = Compiler(no_regex)
    compiler.update(snapshot([service("a"), GOOD]), world())
    delta = compiler.update(snapshot([service("a"), BAD], revision=2))
    assert patterns(compiler) == (True, ["good+"])
    assert not delta.changed
    assert accepted(compiler, BAD).message == "the pattern is no good; generation 1 stays in force"
    compiler.update(snapshot([service("a"), GOOD], revision=3))
    assert accepted(compiler, GOOD).status == "True"
    compiler.update(snapshot([service("a"), BAD], revision=4))
    compiler.update(snapshot([service("a")], revision=5))
    assert patterns(compiler) == (False, [])
    assert GOOD.ref not in compiler.compiled.statuses


def test_a_bad_object_that_is_only_moved_stays_refused():
    compiler = Compiler(no_regex)
    compiler.update(snapshot([service("a"), BAD]), world())
    moved = BAD.model_copy(update={"origin": Origin("elsewhere.yaml")})
    assert not compiler.update(snapshot([service("a"), moved], revision=2))
    assert accepted(compiler, BAD).status == "False"


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: str(r.ref))
def test_the_core_takes_everything_that_good_resources_compile_to(resource):
    from weft.compiler import core

    compiled = compile_all(snapshot([service("a", SUBSETS), service("b"), resource]), world(*WORKLOADS))
    for (kind, _), delivered in compiled.delivered.items():
        assert core.check(kind, delivered.message.SerializeToString()) is None
