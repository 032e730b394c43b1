import pytest

from tests.compiler.support import TRUST
from weft.ask.origin import origin_of
from weft.compiler import Snapshot, Stored, World, compile_all
from weft.resources import load_text

TEXT = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{group: "", kind: Service, name: a}]
  rules:
  - {}
  - name: canary
  - name: "0"
---
apiVersion: weft/v1
kind: AccessPolicy
metadata: {name: p}
spec:
  rules:
  - {}
  - {}
"""

CASES = [
    ("HTTPRoute/default/r/0", "f.yaml:7"),
    ("HTTPRoute/default/r/canary", "f.yaml:8"),
    ("HTTPRoute/default/r/2", "f.yaml:9"),
    ("HTTPRoute/default/r", "f.yaml:1:1"),
    ("HTTPRoute/default/r/gone", "f.yaml:1:1"),
    ("HTTPRoute/default/r/9", "f.yaml:1:1"),
    ("AccessPolicy/default/p/1", "f.yaml:17"),
    ("AccessPolicy/default/p", "f.yaml:11:1"),
    ("AccessPolicy/default/gone/1", None),
    ("default", None),
]


@pytest.mark.parametrize(("rule_id", "place"), CASES)
def test_a_rule_id_leads_to_its_line(rule_id, place):
    resources = {r.ref: Stored(r) for r in load_text(TEXT, "f.yaml").resources}
    found = origin_of(compile_all(Snapshot(resources=resources), World({}, TRUST)), rule_id)
    assert (found and str(found)) == place
