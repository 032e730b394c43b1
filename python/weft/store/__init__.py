"""Where the controller keeps what must survive it: one SQLite file.

The one abstraction is the revision: every accepted apply is one transaction and gets the next number, and each object
remembers the revision that last wrote it. Read `plan.py` (what an apply would do, pure) first, then `store.py`.
"""

from weft.store.errors import Compacted, StoreCorrupt, StoreError, StoreFull, StoreNewer
from weft.store.model import Applied, Change, Conflict, Record, Refusal, Result, Write
from weft.store.store import Store

__all__ = [
    "Applied",
    "Change",
    "Compacted",
    "Conflict",
    "Record",
    "Refusal",
    "Result",
    "Store",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreNewer",
    "Write",
]
