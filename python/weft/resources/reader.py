"""YAML text to a tree of values that remember their line and column.

Built from libyaml's events and not by its `compose`, which recurses in C: a few hundred kilobytes of "[" would end the
process there (PyYAML 6.0.3: segmentation fault). Here depth, size and aliases have limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml
from yaml.reader import ReaderError

from weft.resources import scalars
from weft.resources.problem import Problem

Loc: TypeAlias = tuple[int | str, ...]

# The deepest resource (a header match in a rule of a route) has 9 levels.
MAX_DEPTH = 64
# After expansion of aliases: a "billion laughs" document is small until somebody reads it. The largest file of 1,000
# routes seen has 60,000 values.
MAX_VALUES = 1_000_000
# What one file or one request body may weigh.
MAX_BYTES = 32 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Node:
    """A value and where it stands. `fields` and `items` are for finding positions; `value` is what is validated."""

    line: int
    column: int
    value: Any = None
    # Of a mapping: key to (line, column) of the key, and the value's node.
    fields: dict[str, tuple[int, int, Node]] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    # Values below and including this one, aliases expanded.
    size: int = 1

    def at(self, loc: Loc) -> tuple[int, int]:
        """The position of what `loc` leads to, or of the deepest part of it that exists."""
        node, position = self, (self.line, self.column)
        for step in loc:
            if isinstance(step, str) and step in node.fields:
                node = node.fields[step][2]
            elif isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            else:
                continue  # the name of a union's member, which is not in the document
            position = (node.line, node.column)
        return position

    def at_key(self, loc: Loc) -> tuple[int, int]:
        """As `at`, but the last step's key where it has one."""
        parent, last = self.find(loc[:-1]), loc[-1]
        if parent is not None and isinstance(last, str) and last in parent.fields:
            return parent.fields[last][:2]
        return self.at(loc)

    def find(self, loc: Loc) -> Node | None:
        node: Node = self
        for step in loc:
            if isinstance(step, str) and step in node.fields:
                node = node.fields[step][2]
            elif isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            elif isinstance(step, int) or node.items:
                return None
        return node


class Unreadable(Exception):
    """The text is not YAML, or more than we are ready to read; the rest of the file cannot be trusted."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def read(text: str, file: str, merge: bool = False) -> tuple[list[Node], list[Problem]]:
    """All documents of a text, empty ones left out. What is unreadable ends the list and is the last problem.

    `merge`: "<<" brings the fields of other mappings, as in the files of other tools; in ours it is a problem.
    """
    documents: list[Node] = []
    builder = _Builder(file, merge)
    try:
        if len(text) > MAX_BYTES:
            raise Unreadable(Problem(file, 0, 0, f"more than {MAX_BYTES >> 20} MiB", hint="split the file"))
        for node in builder.documents(text):
            if node.value is not None:
                documents.append(node)
    except Unreadable as stop:
        builder.problems.append(stop.problem)
    return documents, builder.problems


# What may be said of a mapping or a list, and says nothing new.
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    node: Node
    mapping: bool
    anchor: str | None
    key: Node | None = None
    # What "<<" brings: where nothing else has that name, once all names are known.
    merged: list[Node] = field(default_factory=list)


@dataclass
class _Builder:
    file: str
    merge: bool = False
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    done: Node | None = None

    def documents(self, text: str) -> Iterator[Node]:
        for event in self._events(text):
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors, self.stack, self.done = {}, [], None
            elif isinstance(event, yaml.DocumentEndEvent):
                if self.done is not None:
                    yield self.done
            else:
                self._take(event)

    def _events(self, text: str) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            why = " ".join(part for part in (error.problem, error.context) if part)
            raise Unreadable(Problem(self.file, line, column, "not valid YAML", why, _yaml_hint(why))) from None
        except ReaderError as error:  # libyaml's only one without a mark: it counts bytes
            line, column = place_in(text.encode(), error.position)
            why, hint = f"a control character, U+{error.character:04X}", 'remove it, or write "\\e" within quotes'
            raise Unreadable(Problem(self.file, line, column, "not valid YAML", why, hint)) from None

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            node = Node(*_place_of(event))
            node.value = self._scalar(event, node)
            self._remember(event.anchor, node)
            self._place(node)
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._alias(event))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            closed = self.stack.pop()
            for other in closed.merged:
                for name, entry in other.fields.items():
                    closed.node.fields.setdefault(name, entry)
                    closed.node.value.setdefault(name, entry[2].value)
            self._remember(closed.anchor, closed.node)
            self._place(closed.node)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        node = Node(*_place_of(event), {} if mapping else [])
        if len(self.stack) >= MAX_DEPTH:
            raise Unreadable(Problem(self.file, node.line, node.column, f"nested more than {MAX_DEPTH} levels deep"))
        if event.tag not in (None, "!", *_COLLECTIONS):
            self._problem(node, f"unknown tag {event.tag!r}", hint="remove it")
        if event.anchor:
            self.anchors[event.anchor] = None  # known, but not complete: an alias inside would never end
        self.stack.append(_Open(node, mapping, event.anchor))

    def _scalar(self, event: yaml.ScalarEvent, node: Node) -> scalars.Scalar:
        if "\0" in event.value:
            self._problem(node, "a value contains the character \\0", hint="no command, path or name can; remove it")
        if event.tag is None or event.tag == "!":
            return scalars.plain(event.value) if event.implicit[0] and event.tag is None else str(event.value)
        try:
            return scalars.tagged(event.tag, event.value)
        except ValueError as error:
            self._problem(node, str(error))
            return str(event.value)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        name = event.anchor or ""
        found = self.anchors.get(name)
        if found is None:
            what = f'the alias "*{name}" contains itself'
            if name not in self.anchors:
                what = f'the alias "*{name}" has no anchor "&{name}" before it'
            raise Unreadable(Problem(self.file, *_place_of(event), what))
        return found

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self.anchors[anchor] = node

    def _place(self, node: Node) -> None:
        if not self.stack:
            self.done = node
            return
        top = self.stack[-1]
        if not top.mapping:
            top.node.items.append(node)
            top.node.value.append(node.value)
        elif top.key is None:
            top.key = node
            return
        else:
            self._entry(top, top.key, node)
            top.key = None
        top.node.size += node.size
        if top.node.size > MAX_VALUES:
            raise Unreadable(Problem(self.file, node.line, node.column, f"more than {MAX_VALUES:,} values"))

    def _entry(self, top: _Open, key: Node, node: Node) -> None:
        name = key.value
        if not isinstance(name, str):
            hint = f'write "{name}": …' if isinstance(name, (int, float, bool)) else ""
            self._problem(key, "a key is not a string", f"{name!r}", hint)
            return
        if name == "<<" and self.merge:
            top.merged += node.items or [node]
            return
        if name == "<<":
            hint = "write the fields out, or give the whole value an alias"
            self._problem(key, "merge keys (<<) are not part of YAML 1.2", hint=hint)
            return
        if name in top.node.fields:
            first = top.node.fields[name][0]
            self._problem(key, f'the key "{name}" stands twice', f"first on line {first}", "remove one of the two")
            return
        top.node.fields[name] = (key.line, key.column, node)
        top.node.value[name] = node.value

    def _problem(self, node: Node, what: str, why: str = "", hint: str = "") -> None:
        self.problems.append(Problem(self.file, node.line, node.column, what, why, hint))


def _place_of(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def place_in(data: bytes, offset: int) -> tuple[int, int]:
    """Line and column of a byte, as an editor counts them: in characters."""
    before = data[:offset]
    return before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode(errors="replace")) + 1


def _yaml_hint(why: str) -> str:
    if "cannot start any token" in why:
        return "indent with spaces, not tabs; quote a value that begins with @, ` or %"
    if "mapping values are not allowed" in why:
        return "a value that contains ': ' must be quoted"
    if "undefined alias" in why:
        return "an alias (*name) needs an anchor (&name) before it"
    return ""
