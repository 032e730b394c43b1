"""The command line: one file per command group, each a thin layer over `weft.Mesh` or another package's one function.

Whoever types `weft --help` waits for nothing: commands import what they need when they run, and a test counts. Data
goes to stdout, messages to stderr; exit status 0 is ok, 1 failed, 2 wrong usage. Read `app.py` first.
"""

import sys
from io import TextIOWrapper


def main() -> int:
    """The `weft` command."""
    for stream in (sys.stdout, sys.stderr):
        # Where the locale has no "…", and for names of files that are no text: "\\u2026", which JSON reads back.
        if isinstance(stream, TextIOWrapper):  # None: it was closed before we came
            stream.reconfigure(errors="backslashreplace")
    try:
        from weft.cli import app

        return app.main()
    except KeyboardInterrupt:  # while it was imported
        return 130  # 128 + SIGINT, as shells count
