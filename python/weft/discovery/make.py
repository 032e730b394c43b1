"""What is written to what can be asked: the place where a new kind of source is added."""

from __future__ import annotations

from weft.discovery.dns import Dns
from weft.discovery.files import File
from weft.discovery.keeper import Make
from weft.discovery.lookup import Lookup
from weft.discovery.source import Source
from weft.resources.source import Source as Spec


def maker() -> Make:
    lookup = Lookup()

    def make(spec: Spec, several: bool) -> Source:
        if spec.dns is not None:
            return Dns(spec.dns, lookup)
        assert spec.file is not None, "the resource has exactly one kind"
        return File(spec.file, several)

    return make
