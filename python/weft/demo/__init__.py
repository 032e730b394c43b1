"""`weft demo`: the bookshop of examples/bookshop with people in it, and what the mesh saw of them.

Read `demo.py` first: a copy of the shop's files (`place.py`), people (`people.py`), five things to try (`tries.py`),
and what was measured (`measure.py`).
"""
