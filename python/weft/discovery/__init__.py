"""Who serves what nobody registers: endpoints of a service from files and DNS.

The one abstraction is the source (`source.py`): asked again and again, it answers with the complete set of endpoints or
says why not. `known.py` remembers what each said last, so that an empty or broken source never empties a service;
`merge.py` makes one set per service; `keeper.py` has the tasks, `saved.py` the file that outlives the controller. Each
kind of source is one file: `dns.py`, `files.py`.
"""

from weft.discovery.keeper import Discovery

__all__ = ["Discovery"]
