"""`weft schema`: what an editor has to know of a weft.yaml."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of weft.yaml, for editors.

    weft schema > weft.schema.json, and as first line of weft.yaml: # yaml-language-server: $schema=weft.schema.json
    """
    from weft.cli.options import Format
    from weft.cli.output import emit
    from weft.resources.schema import schema as made

    emit(made(), Format.JSON, (), ())
