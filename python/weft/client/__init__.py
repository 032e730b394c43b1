"""The Python face of the controller's REST: typed objects in, typed objects out.

The one abstraction is `weft.Mesh` (`weft/mesh.py`): what the CLI does, it does through it. Here is what stands below:
`types.py` (what the controller answers), `decode.py` (JSON to those types), `rest.py` (HTTP, addresses, errors).
"""
