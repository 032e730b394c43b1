"""What users write: routes, services and policies, parsed and checked with file, line and column.

The one abstraction is `Resource`; start with `base.py`, then one file per kind, then `parse.py`.
"""

from weft.resources.accesspolicy import AccessPolicy
from weft.resources.base import Metadata, Resource
from weft.resources.expand import Expanded, expand
from weft.resources.httproute import HTTPRoute
from weft.resources.kinds import KINDS, json_schema
from weft.resources.load import Loaded, load, load_text, to_yaml
from weft.resources.mesh import Mesh
from weft.resources.parse import parse_document
from weft.resources.problem import Problem, Problems
from weft.resources.ref import Origin, Ref
from weft.resources.service import Service
from weft.resources.trafficpolicy import TrafficPolicy
from weft.resources.validate import validate
from weft.resources.workloads import WorkloadPlan

__all__ = [
    "KINDS",
    "AccessPolicy",
    "Expanded",
    "HTTPRoute",
    "Loaded",
    "Mesh",
    "Metadata",
    "Origin",
    "Problem",
    "Problems",
    "Ref",
    "Resource",
    "Service",
    "TrafficPolicy",
    "WorkloadPlan",
    "expand",
    "json_schema",
    "load",
    "load_text",
    "parse_document",
    "to_yaml",
    "validate",
]
