"""Values as YAML that says the same to everybody: to readers of YAML 1.1, such as PyYAML, and of 1.2, such as ours."""

from __future__ import annotations

import yaml

from weft.resources.scalars import plain

# Next line, line separator, paragraph separator: line breaks in YAML 1.1, letters like others in 1.2.
_BREAKS = frozenset("\x85\u2028\u2029")


class Dumper(yaml.SafeDumper):
    """Without aliases, and with strings quoted wherever YAML 1.1 or 1.2 would read something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def string(self, text: str) -> yaml.ScalarNode:
        # PyYAML quotes what 1.1 would misread; 1.2 has numbers that 1.1 does not know, such as 0o17 and 1e3. And it
        # folds 1.1's line breaks into spaces unless they are escaped.
        style = '"' if plain(text) != text or not _BREAKS.isdisjoint(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, Dumper.string)
