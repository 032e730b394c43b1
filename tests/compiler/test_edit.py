from google.protobuf import text_format

from tests.resources.support import one
from weft.compiler import edit
from weft.v1 import program_pb2 as pb

HEADERS = "{set: [{name: A, value: b}], add: [{name: c, value: d}], remove: [E]}"


def filters(text):
    spec = f"{{parentRefs: [{{group: '', kind: Service, name: a}}], rules: [{{filters: [{text}]}}]}}"
    return one("HTTPRoute", spec).spec.rules[0].filters


def test_header_edits_have_names_in_lower_case():
    action = pb.RouteAction()
    edit.edit_headers(
        action,
        filters(
            f"{{type: RequestHeaderModifier, requestHeaderModifier: {HEADERS}}},"
            "{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [F]}}"
        ),
    )
    request, response = action.request_headers, action.response_headers
    assert [(v.name, v.value) for v in (*request.set, *request.add)] == [("a", "b"), ("c", "d")]
    assert (list(request.remove), list(response.remove)) == (["e"], ["f"])


def test_no_filter_leaves_no_edit():
    action = pb.RouteAction()
    edit.edit_headers(action, ())
    assert not action.HasField("request_headers")
    assert not action.HasField("response_headers")


REWRITES = {
    "{hostname: b}": 'host: "b"',
    "{path: {type: ReplaceFullPath, replaceFullPath: /b}}": 'full: "/b"',
    "{path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}": 'prefix: "/b"',
    "{path: {type: ReplacePrefixMatch, replacePrefixMatch: ''}}": 'prefix: ""',
}


def test_a_rewrite_changes_host_or_path():
    for text, content in REWRITES.items():
        (found,) = filters(f"{{type: URLRewrite, urlRewrite: {text}}}")
        assert text_format.MessageToString(edit.rewrite(found.url_rewrite), as_one_line=True) == content


REDIRECTS = {
    "{}": "status: 302",
    "{scheme: https, hostname: b, port: 8443, statusCode: 308}": 'scheme: "https" host: "b" port: 8443 status: 308',
    "{path: {type: ReplaceFullPath, replaceFullPath: /b}}": 'status: 302 full: "/b"',
}


def test_a_redirect_changes_what_it_names():
    for text, content in REDIRECTS.items():
        (found,) = filters(f"{{type: RequestRedirect, requestRedirect: {text}}}")
        assert text_format.MessageToString(edit.redirect(found.request_redirect), as_one_line=True) == content
