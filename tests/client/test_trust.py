"""Tokens and certificates, as the controller tells of them."""

import dataclasses
import json

from weft.client.decode import decode
from weft.client.trust import Certificates, Issued, Root


def test_asdict_gives_the_json_back() -> None:
    issued = Issued("1", workload="default/a-0", not_after=5.0)
    known = Certificates("td.test", (Root("ab", "root", 1.0, 2.0),), (issued,))
    assert decode(Certificates, json.loads(json.dumps(dataclasses.asdict(known)))) == known
