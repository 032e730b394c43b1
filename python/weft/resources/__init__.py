"""What users write: routes, services and policies, parsed and checked with file, line and column.

The one abstraction is `Resource`; start with `base.py`, then the kinds, then `parse.py`.
"""

from weft.resources.base import Metadata, Resource
from weft.resources.ref import Origin, Ref

__all__ = ["Metadata", "Origin", "Ref", "Resource"]
