"""Intent compiles to a program: a pure function from (snapshot, world) to match-action tables.

The one abstraction is the delivered resource (`model.py`); after it read `compile.py`, then one file per table.
"""

from weft.compiler.compile import Compiler, compile_all
from weft.compiler.enforced import enforced, full_status
from weft.compiler.model import (
    Compiled,
    Condition,
    Delivered,
    Delta,
    Discovered,
    Key,
    PortInfo,
    Snapshot,
    Status,
    Stored,
    WorkloadInfo,
    World,
    backend_key,
    frontend_key,
)

__all__ = [
    "Compiled",
    "Compiler",
    "Condition",
    "Delivered",
    "Delta",
    "Discovered",
    "Key",
    "PortInfo",
    "Snapshot",
    "Status",
    "Stored",
    "WorkloadInfo",
    "World",
    "backend_key",
    "compile_all",
    "enforced",
    "frontend_key",
    "full_status",
]
