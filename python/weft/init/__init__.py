"""A first weft.yaml from what is there already: a Compose file, a Procfile, or what listens on this machine.

The one abstraction is the `Draft`: services in the words of a weft.yaml, with comments, and a list of everything that
found no place in it. Each source is one file that makes a draft; read `draft.py` first, then `compose.py`.
"""
