"""What the proxies saw."""

import dataclasses

import pytest

from weft.client.decode import decode
from weft.client.seen import Edge, EdgeEnd


def test_asdict_gives_the_json_back() -> None:
    edge = Edge(EdgeEnd("default/web"), EdgeEnd("default/reviews", "v1"), tls="mtls", requests=3, classes={"2xx": 3})
    assert decode(Edge, dataclasses.asdict(edge)) == edge


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        (EdgeEnd(), "(unmeshed)"),
        (EdgeEnd("default/web"), "default/web"),
        (EdgeEnd("default/web", "v1"), "default/web v1"),
        (EdgeEnd("default/web", "v1", "default/web-v1-0"), "default/web-v1-0 v1"),
    ],
)
def test_an_end_is_named_as_finely_as_it_is_known(peer: EdgeEnd, text: str) -> None:
    assert str(peer) == text
