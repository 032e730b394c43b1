"""What another program wrote, as a terminal may show it: colours, and nothing that moves or renames anything."""

from __future__ import annotations

import re

RESET = "\x1b[0m"
# ECMA-48: colours (SGR); other control sequences, strings such as a window's title, short escapes; what is left.
_STEERING = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[PX^_][^\x1b]*(\x1b\\)?|[ -/]*[0-~])"
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f-\x9f])"
)


def visible(line: str) -> str:
    """One line of it. Of what was written over itself, such as a progress bar, the last state stays."""
    if line.isprintable():
        return line
    line = line.rstrip("\r").rpartition("\r")[2]
    text = _STEERING.sub(lambda found: found["colour"] or ("?" if found["control"] else ""), line)
    return f"{text}{RESET}" if "\x1b" in text and not text.endswith((RESET, "\x1b[m")) else text
