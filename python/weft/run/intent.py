"""What `weft up` writes into its mesh, and takes back from a mesh that was there before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from weft.run.fromfile import admission
from weft.run.loopback import Target

if TYPE_CHECKING:
    from weft.mesh import Mesh
    from weft.resources import Expanded


class Intent:
    """The resources of one file. Its name is their owner: what left the file since the last time leaves the mesh."""

    def __init__(self, file: Path, expanded: Expanded, publish: Mapping[str, Target]) -> None:
        self._owner = f"file:{file.absolute()}"
        self._resources = [*expanded.resources, *admission(expanded, publish)]
        # Of those that stood in the mesh before, and were not this file's.
        self._foreign: set[str] = set()
        self._applied = False

    def change(self, expanded: Expanded, publish: Mapping[str, Target]) -> None:
        """The same file later. What it found at first is remembered."""
        self._resources = [*expanded.resources, *admission(expanded, publish)]

    def apply(self, mesh: Mesh) -> int:
        """How many of them, or of those that are gone, are new to the mesh."""
        self._foreign |= {item.ref for item in mesh.list() if item.owner != self._owner}
        applied = mesh.apply(self._resources, owner=self._owner, prune=True)
        self._applied = True
        return sum(result.action != "unchanged" for result in applied.results)

    def withdraw(self, mesh: Mesh) -> int:
        """Removes what this file brought; what it found stays as it is now. How many are gone."""
        if not self._applied:
            return 0
        found = [resource for resource in self._resources if str(resource.ref) in self._foreign]
        applied = mesh.apply(found, owner=self._owner, prune=True)
        return sum(result.action == "deleted" for result in applied.results)
