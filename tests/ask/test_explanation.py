import json

from weft.ask.explanation import End, Explanation, Path, Step, Tried

TRIED = (Tried("HTTPRoute/default/r/0", False, "path /b is not /a", "f.yaml:7"), Tried("HTTPRoute/default/r/1", True))
FOUND = Explanation(
    "default/web",
    "default/a:80",
    "GET",
    "/b",
    (Step("resolve", "frontend default/a:80@*"), Step("route", "forward", "HTTPRoute/default/r/1", "f.yaml:8", TRIED)),
    (
        Path(75, "default/a:80", ("a-0", "a-1", "a-2", "a-3"), (Step("deliver", "to the app"),), End(0)),
        Path(25, "", (), (), End(500, "invalid-backend", "there is no Service default/gone", "HTTPRoute/default/r/1")),
    ),
    ("nobody is registered",),
)

TEXT = """\
default/web → default/a:80  GET /b
resolve      frontend default/a:80@*
route        forward  [HTTPRoute/default/r/1 at f.yaml:8]
  ✗ HTTPRoute/default/r/0: path /b is not /a  f.yaml:7
  ✓ HTTPRoute/default/r/1

75 % to default/a:80, a-0, a-1, a-2 and 1 more
  deliver      to the app
  ⇒ reaches the app

25 % ⇒ 500 invalid-backend  [HTTPRoute/default/r/1]
  there is no Service default/gone

note: nobody is registered"""


def test_it_reads_from_the_caller_to_the_app():
    assert FOUND.text == TEXT


def test_machines_get_the_same():
    found = json.loads(json.dumps(FOUND.to_dict()))
    assert found["steps"][1]["tried"][0]["why"] == "path /b is not /a"
    assert found["paths"][1]["end"]["reason"] == "invalid-backend"
    assert found["text"] == TEXT


def test_an_end_is_said_in_a_few_words():
    assert str(End(0)) == "reaches the app"
    assert str(End(302, location="https://b/")) == "302 to https://b/"
    assert str(End(404, "no-route")) == "404 no-route"
