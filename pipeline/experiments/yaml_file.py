"""A YAML file as nodes that know their lines. Nothing is built from tags, and aliases are refused.

Values are read by what is expected of them, not by what YAML takes them for: 1e-3 is a number, and no is a word.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from pipeline.errors import UserError

MAX_BYTES = 65536
MAX_DEPTH = 20
STANDARD = "tag:yaml.org,2002:"
TAGS = {
    STANDARD + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "map", "seq")
}
NULLS = ("", "~", "null")


@dataclass(frozen=True)
class Node:
    """A value in a file, with what it is called there. What is not as expected raises UserError with file and line."""

    path: Path
    node: Any
    name: str = ""
    named_at: Any = None  # where its name stands

    @property
    def line(self) -> int:
        return int((self.named_at or self.node.start_mark).line) + 1

    def error(self, said: str) -> UserError:
        return UserError(f"{self.path}, line {self.line}: {self.name} {said}".replace(":  ", ": "))

    def mapping(self, allowed: Iterable[str]) -> dict[str, Node]:
        """By their names, each of which must be allowed and stand there once."""
        allowed = list(allowed)
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"is {self.found()}; allowed are names with values: {', '.join(allowed)}")
        values: dict[str, Node] = {}
        for key, value in self.node.value:
            name = Node(self.path, key)
            if not isinstance(key, yaml.ScalarNode) or key.value not in allowed:
                raise name.error(f"{name.found()} is unknown here; allowed are {', '.join(allowed)}")
            if key.value in values:
                raise name.error(f"{key.value} stands here a second time; leave one of them")
            values[key.value] = Node(self.path, value, key.value, key.start_mark)
        return values

    def sequence(self, of: str) -> list[Node]:
        if not isinstance(self.node, yaml.SequenceNode) or not self.node.value:
            raise self.error(f"is {self.found()}; allowed is a list of {of}")
        return [Node(self.path, value, self.name) for value in self.node.value]

    def is_null(self) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.style is None and self.node.value in NULLS

    def text(self, longest: int) -> str:
        """One line of 1 to `longest` characters that can be printed."""
        if not isinstance(self.node, yaml.ScalarNode) or self.is_null():
            raise self.error(f"is {self.found()}; allowed is a text")
        text = str(self.node.value)
        if not text.isprintable() or not 0 < len(text.strip()) <= len(text) <= longest:
            raise self.error(f"is {self.found()}; allowed is one line of 1 to {longest} characters")
        return text

    def word(self, allowed: Iterable[str]) -> str:
        allowed = list(allowed)
        if not isinstance(self.node, yaml.ScalarNode) or self.node.value not in allowed:
            raise self.error(f"is {self.found()}; allowed are {', '.join(allowed)}")
        return str(self.node.value)

    def flag(self) -> bool:
        return self.word(("true", "false")) == "true"

    def whole(self, lowest: int, highest: int) -> int:
        value = self._number(int)
        if value is None or not lowest <= value <= highest:
            raise self.error(f"is {self.found()}; allowed is a whole number from {lowest} to {highest}")
        return int(value)

    def number(self, lowest: float = -math.inf, *, above: bool = False, below: float = math.inf) -> float:
        """A finite number from `lowest`, or above it, and below `below`."""
        value = self._number(float)
        if value is None or not math.isfinite(value) or value < lowest or value >= below or (above and value == lowest):
            limits = [f"{'above' if above else 'of at least'} {lowest:g}"] if lowest > -math.inf else []
            limits += [f"below {below:g}"] if below < math.inf else []
            raise self.error(f"is {self.found()}; allowed is a number {' and '.join(limits)}".rstrip())
        return float(value)

    def found(self) -> str:
        """The value in words, cut short."""
        if self.is_null():
            return "nothing"
        if not isinstance(self.node, yaml.ScalarNode):
            kind = "list" if isinstance(self.node, yaml.SequenceNode) else "mapping"
            return f"a {kind}" if self.node.value else f"an empty {kind}"
        text = str(self.node.value)
        return repr(text if len(text) <= 40 else text[:37] + "...")

    def _number(self, kind: Callable[[str], float]) -> float | None:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.style is not None:
            return None
        try:
            return kind(self.node.value)
        except ValueError:
            return None


def read_yaml(path: Path, page: str = "docs/how-to/experiments.md") -> Node:
    """The one document of a file, which a page describes. Raises UserError, or OSError where it cannot be read."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{path}: is no ordinary file; name a .yaml file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UserError(f"{path}: is larger than any such description; allowed are {MAX_BYTES // 1024} KiB")
    text = _decoded(path, content)
    try:
        _check_events(path, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{path}, line {line}: holds a character that is not allowed (#x{error.character:04x}); take it out"
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(
            f"{path}, line {mark.line + 1}: is not YAML ({error.problem or error.context}); mend it"
        ) from error
    if node is None:
        raise UserError(f"{path}: is empty; {page} tells what it should hold")
    return Node(path, node, "the file")


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: holds bytes that are not UTF-8; save it as UTF-8") from error


def _check_events(path: Path, text: str) -> None:
    """Before any tree is built, so that nothing small can become large or deep."""
    depth = 0
    for event in yaml.parse(io.StringIO(text), Loader=yaml.SafeLoader):
        where = Node(path, event)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise where.error(f"lists and names are nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise where.error("anchors and aliases (& and *) are not allowed; write the values out")
        tag = getattr(event, "tag", None)
        if tag and tag not in TAGS:
            raise where.error(f"the tag {tag!r} is not allowed; leave it out")
