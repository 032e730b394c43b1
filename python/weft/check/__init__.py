"""Whether a machine can carry a mesh, and whether a mesh is well: facts in, checks out.

`facts.py` looks at this machine (`sys_linux.py` at what only Linux has), `machine.py` judges what it saw, `mesh.py`
judges what a controller answers. Judging is pure, so that every failure can be had in a test.
"""

from weft.check.model import Check, Result

__all__ = ["Check", "Result"]
