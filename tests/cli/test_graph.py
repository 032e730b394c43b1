import json
from typing import Any

import pytest

from tests.cli.conftest import Fake, Weft
from weft.cli.graph import dot, numbers, tree
from weft.client.types import Edge, EdgeEnd


def edge(source: str, destination: str, **more: Any) -> Edge:
    return Edge(EdgeEnd(source), EdgeEnd(destination), **{"connections": 1, "tls": "mtls", **more})


def names(*pairs: str) -> list[str]:
    return [line.partition("   ")[0] if line[0].isalpha() else line[:40].rstrip() for line in tree(edges(*pairs))]


def edges(*pairs: str) -> list[Edge]:
    return [edge(*pair.split(">")) for pair in pairs]


@pytest.mark.parametrize(
    ("pairs", "lines"),
    [
        ((), []),
        (("a>b",), ["a", "└─ b"]),
        (("a>b", "a>c", "b>d"), ["a", "├─ b", "│  └─ d", "└─ c"]),
        (("a>c", "b>c", "c>d"), ["a", "└─ c", "   └─ d", "b", "└─ c (above)"]),
        (("a>b", "b>a"), ["a", "└─ b", "   └─ a (above)"]),
        (("a>a",), ["a", "└─ a (above)"]),
    ],
    ids=["none", "edge", "tree", "twice", "ring", "self"],
)
def test_callers_stand_above_whom_they_call(pairs: tuple[str, ...], lines: list[str]) -> None:
    assert names(*pairs) == lines


def test_a_long_chain_is_drawn() -> None:
    assert len(list(tree(edges(*(f"s{n}>s{n + 1}" for n in range(3000)))))) == 3001


def test_numbers_stand_below_each_other_within_80_columns() -> None:
    signals = {"requests": 9, "requests_per_second": 12345.6, "success_rate": 1.0, "p99_ms": 12345.6}
    lines = list(tree([edge("default/web", "default/reviews", **signals), edge("default/web", "default/kv")]))
    assert lines[1] == f"{'├─ default/reviews':<40}  12345.6/s 100.0 % p99 12345.6 ms mTLS"
    assert lines[2] == f"{'└─ default/kv':<40}  1 connections mTLS"
    assert max(map(len, lines)) <= 80


def test_what_is_unknown_is_left_out() -> None:
    assert numbers(edge("a", "b", requests=1, tls="")) == "   0.0/s"


def test_dot_quotes_names() -> None:
    assert list(dot([edge('a"', "b")]))[2] == '  "a\\"" -> "b" [label="1 connections mTLS"];'


@pytest.fixture
def traffic(controller: Fake) -> None:
    ends = {"source": {"service": "default/a"}, "destination": {"service": "default/b"}}
    controller.answers["/v1/edges"] = {"edges": [{**ends, "connections": 2, "tls": "plaintext"}]}


def test_text_json_and_dot(weft: Weft, controller: Fake, traffic: None) -> None:
    assert weft("graph", "--by", "version").lines[0] == "default/a"
    assert controller.asked[0][1] == "/v1/edges?seconds=60&by=version"
    assert json.loads(weft("graph", "-o", "json").out)["nodes"] == ["default/a", "default/b"]
    assert weft("graph", "-o", "dot").lines[0] == "digraph weft {"


def test_no_traffic_is_said(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/edges"] = {"edges": []}
    assert (weft("graph").out, weft("graph").err) == ("", "no traffic in the last 60 s\n")
