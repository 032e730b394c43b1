"""weft: a service mesh for services that run anywhere."""

__version__ = "0.1.0"
