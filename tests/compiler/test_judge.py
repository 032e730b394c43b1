import pytest

from tests.compiler.support import access, mesh, route, service, traffic
from weft.compiler import Stored
from weft.compiler.judge import judge

ALL = [
    service("a", "{ports: [{port: 80}], health: {tcp: true}}"),
    route("r", "{matches: [{path: {type: RegularExpression, value: 'a+'}}], backendRefs: [{name: a, port: 80}]}"),
    access("p", "{rules: [{to: [{headers: [{name: x, regex: 'b+'}]}]}]}"),
    traffic("t", "retry: {}"),
    mesh("{}"),
]


@pytest.mark.parametrize("resource", ALL, ids=lambda r: r.kind)
def test_good_resources_are_taken(resource):
    assert judge(Stored(resource), lambda kind, content: None) is None


@pytest.mark.parametrize("resource", ALL[:3], ids=lambda r: r.kind)
def test_the_core_has_the_last_word(resource):
    assert judge(Stored(resource), lambda kind, content: f"{kind} is not to my taste") is not None


@pytest.mark.parametrize(("resource", "text"), [(ALL[1], b"a+"), (ALL[2], b"b+")])
def test_the_core_is_shown_what_it_would_have_to_run(resource, text):
    shown = []
    judge(Stored(resource), lambda kind, content: shown.append(content))
    assert any(text in content for content in shown)


def test_a_defect_of_ours_takes_one_object_down_and_not_all():
    def broken(kind, content):
        raise RuntimeError("boom")

    assert "RuntimeError: boom" in judge(Stored(ALL[0]), broken)


@pytest.mark.parametrize("pattern", ["(", "a{99999}", r"\q"])
def test_a_pattern_that_the_core_cannot_run_is_refused(pattern):
    from weft.compiler import core

    bad = route("r", f"{{matches: [{{path: {{type: RegularExpression, value: '{pattern}'}}}}]}}")
    assert judge(Stored(bad), core.check)
