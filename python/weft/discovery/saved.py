"""What sources said last, in a file of the state directory: a controller that starts while DNS is dead knows it.

    {"version": 1, "services": {"default/db": {"dns db.example.com": {"A": {"answered_at": 1900000000.0,
     "endpoints": [{"address": "192.0.2.7", "port": 0, "weight": 1, …}]}}}}}

Another version of weft reads the fields that it knows. A file that cannot be read costs what it remembered, and no
more: it is a cache of what others own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeAlias

from weft.compiler.model import Discovered
from weft.discovery.known import Part
from weft.identity.files import write_private

log = logging.getLogger("weft.discovery")

VERSION = 1
# By service, source and part.
Memory: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Part]]]

# What is worked out anew, or stands in the key.
_NOT_KEPT = ("source", "health", "stale")
_KEPT = tuple(field.name for field in fields(Discovered) if field.name not in _NOT_KEPT)


def save(path: Path, memory: Memory) -> None:
    """Durable when it returns. Raises OSError."""
    services = {
        service: {source: {name: _document(part) for name, part in parts.items()} for source, parts in sources.items()}
        for service, sources in memory.items()
    }
    content = json.dumps({"version": VERSION, "services": services}, separators=(",", ":"))
    write_private(path, content.encode())


def load(path: Path) -> dict[str, dict[str, dict[str, Part]]]:
    try:
        found = json.loads(path.read_bytes())
        return {
            service: {
                source: {name: _part(source, part) for name, part in parts.items()} for source, parts in sources.items()
            }
            for service, sources in found["services"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is not readable and begins anew: %s: %s", path, type(error).__name__, error)
        return {}


def _document(part: Part) -> dict[str, Any]:
    endpoints = [{name: value for name, value in asdict(e).items() if name in _KEPT} for e in part.endpoints]
    return {"answered_at": part.answered_at, "endpoints": endpoints}


def _part(source: str, document: Mapping[str, Any]) -> Part:
    """Its time is over: the source will say how it is now."""
    known = ({name: value for name, value in each.items() if name in _KEPT} for each in document["endpoints"])
    return Part(tuple(Discovered(source, **each) for each in known), float(document["answered_at"]), 0.0)
