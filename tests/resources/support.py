"""Short ways to write what tests are about."""

from __future__ import annotations

from weft.resources import Resource, load_text

HEADS = {
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "Service": "weft/v1",
    "TrafficPolicy": "weft/v1",
    "AccessPolicy": "weft/v1",
    "Mesh": "weft/v1",
}


def document(kind: str, spec: str, name: str = "x", namespace: str = "default") -> str:
    """One resource; `spec` in flow style."""
    name = "mesh" if kind == "Mesh" else name
    return (
        f"apiVersion: {HEADS[kind]}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )


def one(kind: str, spec: str, name: str = "x", namespace: str = "default") -> Resource:
    loaded = load_text(document(kind, spec, name, namespace))
    assert loaded.ok, "\n".join(map(str, loaded.problems))
    return loaded.resources[0]


def complaints(kind: str, spec: str) -> list[str]:
    """Each problem as "what: why (hint)"."""
    return [f"{p.what}: {p.why} ({p.hint})" for p in load_text(document(kind, spec)).problems]
