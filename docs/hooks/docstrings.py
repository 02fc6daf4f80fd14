"""Arguments and attributes in docstrings, a line `name: what it is` each, become a list in the reference."""

from __future__ import annotations

import re
from typing import Any

import griffe

NAMED = re.compile(r"([a-z_][\w, `.]*): (?=\S)")


class ListOfNames(griffe.Extension):
    """Griffe's way to change what it has read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = _as_lists(obj.docstring.value)


def _as_lists(text: str) -> str:
    """The names that begin a paragraph, and those that follow each other, as items."""
    lines: list[str] = []
    before, listed = "", False  # the line before, and whether it belongs to an item
    for line in text.splitlines():
        named = NAMED.match(line)
        if named and (listed or not before.strip()):
            if not listed and before.strip():
                lines.append("")
            lines.append(f"- `{named[1]}`: {line[named.end() :]}")
            listed = True
        else:
            listed = listed and line.startswith("    ")
            if not listed and before.strip() and lines[-1].startswith(("- ", "    ")) and line.strip():
                lines.append("")
            lines.append(line)
        before = line
    return "\n".join(lines)
