from tests.resources.support import document
from weft.ask.offline import validate_offline

A = document("Service", "{ports: [{port: 80}]}", "a")


def route(rule: str) -> str:
    return document("HTTPRoute", f"{{parentRefs: [{{group: '', kind: Service, name: a}}], rules: [{rule}]}}", "r")


def told(tmp_path, text, check=lambda kind, content: None):
    (tmp_path / "f.yaml").write_text(text)
    return [p.what for p in validate_offline([tmp_path], check)]


def test_good_files_have_no_problems(tmp_path):
    assert told(tmp_path, A + "---\n" + route("{backendRefs: [{name: a, port: 80}]}")) == []


def test_syntax_then_what_stands_between_then_the_core(tmp_path):
    text = "\n---\n".join([A.replace("ports", "prots"), route("{backendRefs: [{name: b, port: 80}]}")])

    def check(kind, content):
        return "no" if kind == "Frontend" else None

    assert told(tmp_path, text, check) == [
        "spec.ports is missing",
        'unknown field "prots" in spec',
        "there is no Service default/a here",
        "there is no Service default/b here",
        "HTTPRoute/default/r is refused",
    ]


def test_a_pattern_is_judged_by_who_would_run_it(tmp_path):
    (tmp_path / "f.yaml").write_text(A + "---\n" + route("{matches: [{path: {type: RegularExpression, value: '('}}]}"))
    (problem,) = validate_offline([tmp_path])
    assert problem.what == "HTTPRoute/default/r is refused"
