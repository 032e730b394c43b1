"""What a request through the mesh costs, measured beside its peers.

The one figure that holds on a shared machine is the CPU time of the proxy's
processes per request; everything here exists to take it honestly.

The one abstraction: a *launch* (`proxies/launch.py`) is all that is known about a
proxy before it runs: files, commands, ports. Adapters are pure functions that make
one; `field.py` brings it to life and `measure.py` takes the figures.

Read `scenarios.py` first (what is measured), then `measure.py` (how).
"""
