"""What the mesh does now: the live graph of who calls whom, with an hour of golden signals; rule hits; events.

The one abstraction is the counter set: cumulative when a proxy reports it, a difference once it is here, and
differences add up over time, workloads and versions. Read `counters.py`, then `edges.py`. Time is an argument.
"""

from weft.observe.counters import Counters
from weft.observe.edges import EdgeBook, EdgeView
from weft.observe.events import Event, EventRing
from weft.observe.rules import RuleBook

__all__ = ["Counters", "EdgeBook", "EdgeView", "Event", "EventRing", "RuleBook"]
