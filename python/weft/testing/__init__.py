"""The public test kit. Now: a proxy that is only its protocol, and a clock that stands still until it is told."""

from weft.testing.fake_clock import FakeClock
from weft.testing.fake_proxy import FakeProxy

__all__ = ["FakeClock", "FakeProxy"]
