import pytest

from tests.resources.support import complaints, one

PREFIX = "{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}"


def filters(text: str) -> str:
    return f"{{parentRefs: [{{group: '', kind: Service, name: a}}], rules: [{{filters: [{text}]}}]}}"


WRONG = {
    "a mirror": (filters("{type: RequestMirror, requestMirror: {}}"), "not supported yet: RequestMirror"),
    "an unknown filter": (filters("{type: UrlRewrite}"), 'did you mean "URLRewrite"?'),
    "a filter without value": (filters("{type: URLRewrite}"), "goes with urlRewrite"),
    "a filter with another's value": (
        filters("{type: URLRewrite, requestRedirect: {}}"),
        "goes with urlRewrite, and only that",
    ),
    "a path modifier with another's value": (
        filters(PREFIX.replace("replacePrefixMatch:", "replaceFullPath:")),
        "goes with replacePrefixMatch",
    ),
    "our own header": (
        filters("{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: weft-origin, value: x}]}}"),
        "the mesh's own header",
    ),
    "one header, two edits": (
        filters("{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: x}], remove: [A]}}"),
        "'a' twice",
    ),
    "a line break in a value": (
        filters('{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: a, value: "x\\r\\ny"}]}}'),
        "line breaks",
    ),
    "a status that is none": (
        filters("{type: RequestRedirect, requestRedirect: {statusCode: 200}}"),
        "known here: 301, 302, 303, 307, 308",
    ),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused(text, says):
    found = complaints("HTTPRoute", text)
    assert len(found) == 1, found
    assert says in found[0]


def test_names_of_headers_are_kept_in_lower_case():
    text = "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-A, value: B}], remove: [X-C]}}"
    modifier = one("HTTPRoute", filters(text)).spec.rules[0].filters[0].request_header_modifier
    assert (modifier.set[0].name, modifier.set[0].value, modifier.remove) == ("x-a", "B", ("x-c",))


def test_a_prefix_may_be_replaced_by_nothing():
    text = PREFIX.replace("/b", "''")
    change = one("HTTPRoute", filters(text)).spec.rules[0].filters[0].url_rewrite
    assert change.path.replace_prefix_match == ""
