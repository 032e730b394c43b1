from tests.compiler.support import access, compiled, mesh, route, service, workload
from weft.ask.diff import diff, to_text

BASE = (service("a"), workload("x"))


def changes(*after, before=BASE):
    return [(c.action, c.kind, c.key) for c in diff(compiled(*before), compiled(*after))]


def test_no_edit_changes_nothing():
    assert changes(*BASE) == []


def test_a_route_changes_the_calls_to_its_service():
    assert changes(*BASE, route("r", "{}")) == [("changed", "Frontend", "default/a:80@*")]
    assert changes(*BASE, route("r", "{}", namespace="shop")) == [("added", "Frontend", "default/a:80@shop")]


def test_a_policy_changes_who_may_call():
    (found,) = diff(compiled(*BASE), compiled(*BASE, access("p", "{rules: [{}]}")))
    assert (found.action, found.kind, found.about) == ("changed", "Inbound", "who may call this workload")
    assert '+   otherwise_origin: "AccessPolicy/default/p"' in found.lines
    assert found.origins == ("AccessPolicy/default/p", "Service/default/a")


def test_what_is_gone_is_removed_and_all_of_it_said():
    found = diff(compiled(*BASE), compiled(workload("x")))
    assert [(c.action, c.kind) for c in found] == [
        ("removed", "Frontend"),
        ("removed", "Backend"),
        ("removed", "Endpoints"),
        ("changed", "Inbound"),
    ]
    assert all(line.startswith("- ") for line in found[0].lines)


def test_it_reads_from_the_top():
    found = diff(compiled(*BASE), compiled(*BASE, mesh("{egress: refuse}"), route("r", "{}")))
    assert to_text(found).splitlines()[0] == "changed Mesh mesh: every proxy"
    assert "changed Frontend default/a:80@*: calls to default/a:80" in to_text(found)
    assert found[0].to_dict()["action"] == "changed"
