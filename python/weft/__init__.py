"""weft: a service mesh for services that run anywhere.

`weft.Mesh` is the way in from Python (`mesh.py`); `weft.cli` is the same for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.mesh import Mesh, MeshError

__version__ = "0.2.0"
__all__ = ["Mesh", "MeshError", "__version__"]


def __getattr__(name: str) -> Any:
    # On first use: `import weft.v1` in a controller must not bring an HTTP client along.
    if name in ("Mesh", "MeshError"):
        from weft import mesh

        return getattr(mesh, name)
    raise AttributeError(f"module 'weft' has no attribute {name!r}")
