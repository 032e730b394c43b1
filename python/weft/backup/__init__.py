"""A controller's state as one file: the store, the CA, the token of REST.

`archive.py` writes and checks the file, `restore.py` puts it in place. Whoever has the file can be anybody in the mesh:
it holds the root key.
"""

from weft.backup.archive import BackupError, Manifest, read, write
from weft.backup.restore import Restored, restore

__all__ = ["BackupError", "Manifest", "Restored", "read", "restore", "write"]
